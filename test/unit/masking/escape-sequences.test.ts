import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { visibleBytes } from '../../../src/masking/escape-sequences.js';

describe('what is visible of terminal output', () => {
  it('stands where its places say, and all between are sequences', () => {
    const part = fc.constantFrom(
      'a',
      'b7',
      ' ',
      '\u001b[31m',
      '\u001b[0;1m',
      '\u001bM',
      '\u001b(B',
      '\u001b',
      '\u001b[',
      'é',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
        const raw = Buffer.from(parts.join(''));
        const { bytes, places, whole } = visibleBytes(raw);
        let last = -1;
        for (let index = 0; index < bytes.length; index++) {
          const place = places.of(index);
          expect(place).toBeGreaterThan(last);
          expect(raw[place]).toBe(bytes[index]);
          // What was left out between two visible bytes begins with an escape.
          if (place > last + 1) expect(raw[last + 1]).toBe(0x1b);
          last = place;
        }
        expect(last).toBeLessThan(Math.max(whole, 1));
        if (whole < raw.length) expect(raw[whole]).toBe(0x1b);
      }),
    );
  });

  it('is the piece itself where there are no sequences', () => {
    const raw = Buffer.from('plain text\n');
    const { bytes, places, whole } = visibleBytes(raw);
    expect(bytes).toBe(raw);
    expect([places.of(0), places.of(7), whole]).toEqual([0, 7, raw.length]);
  });

  it('leaves out sequences and keeps what they stand between', () => {
    const { bytes, places, whole } = visibleBytes(Buffer.from('\u001b[1mab\u001b[0mc\u001b['));
    expect(bytes.toString()).toBe('abc');
    expect([0, 1, 2].map((index) => places.of(index))).toEqual([4, 5, 10]);
    expect(whole).toBe(11);
  });
});
