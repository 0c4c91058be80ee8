import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { characterAt, characterBefore } from '../../../src/masking/utf8.js';

/** What Node itself takes for one character of several bytes. */
function isCharacter(bytes: Buffer): boolean {
  const text = bytes.toString('utf8');
  return bytes.length > 1 && [...text].length === 1 && text !== '\ufffd' && Buffer.from(text).equals(bytes);
}

describe('a UTF-8 character', () => {
  it('is found where one begins, and where one ends: every code point of several bytes', () => {
    for (let point = 0x80; point <= 0x10ffff; point += point < 0x3000 ? 1 : 61) {
      if ((point >= 0xd800 && point <= 0xdfff) || point === 0xfffd) continue;
      const bytes = Buffer.from(String.fromCodePoint(point));
      expect(characterAt(bytes, 0, bytes.length)).toBe(bytes.length);
      expect(characterBefore(bytes, bytes.length, 0)).toBe(bytes.length);
      expect(characterAt(bytes, 0, bytes.length - 1)).toBe(0);
      expect(characterBefore(bytes, bytes.length, 1)).toBe(0);
    }
  });

  it('is nothing else: as Node reads any bytes', () => {
    const high = fc.array(fc.integer({ min: 0x70, max: 0xff }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(high, (values) => {
        const bytes = Buffer.from(values);
        const [begins] = [2, 3, 4].filter((length) => length <= bytes.length && isCharacter(bytes.subarray(0, length)));
        const [ends] = [2, 3, 4].filter((length) => length <= bytes.length && isCharacter(bytes.subarray(-length)));
        if (bytes.includes(Buffer.from('\ufffd'))) return;
        expect(characterAt(bytes, 0, bytes.length)).toBe(begins ?? 0);
        expect(characterBefore(bytes, bytes.length, 0)).toBe(ends ?? 0);
      }),
      { numRuns: 20_000 },
    );
  });
});
