import { describe, expect, it } from 'vitest';
import { conditionName, scrubError } from '../../../src/masking/scrub.js';

const letters = [...'SVCMDHPpqWstcdnFLR'];

describe('scrubError', () => {
  it('keeps severity, SQLSTATE and condition name, says that the rest is withheld, and no other field', () => {
    const fields = new Map(letters.map((letter) => [letter, `secret in ${letter}`]));
    fields.set('S', 'FEHLER').set('V', 'ERROR').set('C', '23502');
    expect([...scrubError(fields)]).toEqual([
      ['S', 'ERROR'],
      ['V', 'ERROR'],
      ['C', '23502'],
      ['M', 'not_null_violation'],
      ['H', 'The target’s own words could quote protected values, and are withheld.'],
    ]);
  });

  it('lets no SQLSTATE or severity of free choice through', () => {
    for (const code of ['A1B2C', '', 'secret', '2350']) {
      expect(
        scrubError(
          new Map([
            ['V', 'ERROR'],
            ['C', code],
            ['M', code],
          ]),
        ).get('C'),
      ).toBe('P0001');
      expect(
        scrubError(
          new Map([
            ['V', 'NOTICE'],
            ['C', code],
          ]),
        ).get('C'),
      ).toBe('01000');
    }
    expect(scrubError(new Map([['S', 'secret']])).get('S')).toBe('ERROR');
    expect(scrubError(new Map()).get('M')).toBe('raise_exception');
  });

  it('knows the conditions of every class', () => {
    expect(conditionName('00000')).toBe('successful_completion');
    expect(conditionName('22012')).toBe('division_by_zero');
    expect(conditionName('42501')).toBe('insufficient_privilege');
    expect(conditionName('57014')).toBe('query_canceled');
    expect(conditionName('XX002')).toBe('index_corrupted');
    expect(conditionName('ZZZZZ')).toBeNull();
  });
});
