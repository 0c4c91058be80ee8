import { describe, expect, it } from 'vitest';
import { loadBundle } from '../../../src/policy/bundle.js';
import { isTimeZone, LocalTime } from '../../../src/policy/local-time.js';
import { bundleFiles } from './fixtures.js';

const at = (zone: string, moment: string) => new LocalTime(zone).at(Date.parse(moment));

describe('hour and weekday', () => {
  it.each([
    ['UTC', '1970-01-01T00:00:00Z', 0, 4],
    ['Europe/Oslo', '2026-01-07T22:59:00Z', 23, 3],
    ['Europe/Oslo', '2026-01-07T23:00:00Z', 0, 4],
    ['Europe/Oslo', '2026-07-07T22:00:00Z', 0, 3],
    ['Asia/Kathmandu', '2026-01-04T18:14:59Z', 23, 7],
    ['Asia/Kathmandu', '2026-01-04T18:15:00Z', 0, 1],
    ['America/New_York', '2026-03-08T06:59:00Z', 1, 7],
    ['America/New_York', '2026-03-08T07:00:00Z', 3, 7],
  ])('in %s at %s are %i and %i', (zone, moment, hour, weekday) => {
    expect(at(zone, moment)).toEqual({ hour, weekday });
  });

  it('are right whatever was asked before', () => {
    const time = new LocalTime('Europe/Oslo');
    for (const moment of [
      '2026-01-07T22:59:00Z',
      '2026-01-07T23:00:00Z',
      '2026-01-07T22:44:00Z',
      '2026-01-07T22:59:59Z',
    ])
      expect(time.at(Date.parse(moment))).toEqual(at('Europe/Oslo', moment));
  });

  it('know a zone from a typo', () => {
    expect(['UTC', 'Europe/Oslo', 'Mars/Base'].map(isTimeZone)).toEqual([true, true, false]);
    const result = loadBundle(
      bundleFiles('@id("x") permit (principal, action, resource);', { 'settings.yaml': 'timeZone: Europe/Olso\n' }),
    );
    expect(result.problems).toEqual([
      expect.objectContaining({ file: 'settings.yaml', line: 1, column: 11, severity: 'error' }),
    ]);
  });
});
