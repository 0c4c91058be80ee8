import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesGlob, narrowClassification } from '../../../src/policy/classification.js';

describe('narrowing a classification', () => {
  it('keeps what applies to the target, in order, split into its parts', () => {
    const columns = [
      { target: 'db-*', column: 'public.users.email', class: 'email' },
      { target: 'other', column: 'public.users.email', class: 'secret' },
      { target: '*', column: '*.*.ssn', class: 'ssn' },
    ];
    expect(narrowClassification({ classes: {}, columns, detectors: {} }, { name: 'db-prod' })).toEqual({
      target: 'db-prod',
      columns: [
        { schema: 'public', table: 'users', column: 'email', class: 'email' },
        { schema: '*', table: '*', column: 'ssn', class: 'ssn' },
      ],
    });
  });

  it('matches globs as a regular expression would', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.'), maxLength: 6 });
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 8 });
    fc.assert(
      fc.property(word, name, (pattern, text) => {
        const expected = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(text);
        expect(matchesGlob(pattern, text)).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });
});
