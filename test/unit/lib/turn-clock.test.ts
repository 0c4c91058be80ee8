import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { turnUptime } from '../../../src/lib/turn-clock.js';

it('stands still within a turn of the event loop, and goes on with the next', async () => {
  const first = turnUptime();
  const until = performance.now() + 5;
  while (performance.now() < until);
  await Promise.resolve();
  expect(turnUptime()).toBe(first);
  await turn();
  await turn();
  const next = turnUptime();
  expect(next).toBeGreaterThanOrEqual(first + 5);
  expect(next).toBeLessThanOrEqual(performance.now());
});
