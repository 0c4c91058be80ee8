import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globTest, nameTest } from '../../../src/lib/glob.js';

describe('a pattern with stars', () => {
  it('matches as a regular expression would', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.'), maxLength: 6 });
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 });
    fc.assert(
      fc.property(word, name, (pattern, text) => {
        const expected = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(text);
        expect(globTest(pattern)(text)).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('tells cases apart, but not in names of columns', () => {
    expect([globTest('db-*')('DB-prod'), nameTest('*SSN*')('old_ssn_2'), nameTest('ssn')('SSN')]).toEqual([
      false,
      true,
      true,
    ]);
  });
});
