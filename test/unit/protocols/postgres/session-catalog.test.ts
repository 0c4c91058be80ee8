import { expect, it } from 'vitest';
import { durationMs } from '../../../../src/protocols/postgres/session-catalog.js';

it.each([
  ['0', 0],
  ['1500ms', 1500],
  ['2s', 2000],
  ['1min', 60_000],
  ['3h', 10_800_000],
  ['1d', 86_400_000],
])('reads %s as SHOW prints it', (setting, ms) => expect(durationMs(setting)).toBe(ms));

it('refuses what no server prints', () => {
  for (const setting of ['', '-1', '2 s', '1us', 'off']) expect(() => durationMs(setting)).toThrow(/unknown form/);
});
