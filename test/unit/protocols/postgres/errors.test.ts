import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SluiceError } from '../../../../src/lib/errors.js';
import {
  decodeErrorFields,
  encodeFields,
  gatewayError,
  sqlStateOf,
} from '../../../../src/protocols/postgres/errors.js';

describe('error fields', () => {
  it('survive encoding and decoding', () => {
    const fields = fc.dictionary(fc.constantFrom('S', 'V', 'C', 'M', 'D', 'H', 'W', 't'), fc.string({ maxLength: 30 }));
    fc.assert(
      fc.property(fields, (given) => {
        const expected = Object.entries(given).map(([code, text]) => [
          code,
          Buffer.from(text.replaceAll('\0', '')).toString(),
        ]);
        expect([...decodeErrorFields(encodeFields('E', new Map(Object.entries(given))).subarray(5))]).toEqual(expected);
      }),
    );
  });

  it('keep the first of two, and need no end', () => {
    expect([...decodeErrorFields(Buffer.from('Mone\0Mtwo\0C42P01\0'))]).toEqual([
      ['M', 'one'],
      ['C', '42P01'],
    ]);
    expect([...decodeErrorFields(Buffer.from([0]))]).toEqual([]);
    expect([...decodeErrorFields(Buffer.alloc(0))]).toEqual([]);
    expect(() => decodeErrorFields(Buffer.from('Munended'))).toThrow(expect.objectContaining({ code: 'protocol' }));
  });

  it('cannot be ended early by a NUL in a text', () => {
    const encoded = encodeFields('N', new Map([['M', 'a\0Cevil']]));
    expect([...decodeErrorFields(encoded.subarray(5))]).toEqual([['M', 'aCevil']]);
  });
});

describe('the gateway’s own errors', () => {
  it('say who decided, by which policy, and what to do next', () => {
    const error = new SluiceError('denied', 'no.', {
      decider: 'gateway',
      policy: 'no-drop',
      next: [{ command: 'sluice x', when: 'to y' }],
    });
    expect(Object.fromEntries(gatewayError(error))).toEqual({
      S: 'ERROR',
      V: 'ERROR',
      C: '42501',
      M: 'denied by gateway policy "no-drop": no.',
      H: 'Next: sluice x  (to y)',
    });
  });

  it('tell PostgreSQL’s own in its own words, code and place', () => {
    const error = new SluiceError('target_rejected', 'syntax error at or near "x"', {
      decider: 'gateway',
      targetCode: '42601',
    });
    expect(Object.fromEntries(gatewayError(error, 'ERROR', 7))).toEqual({
      S: 'ERROR',
      V: 'ERROR',
      C: '42601',
      M: 'syntax error at or near "x"',
      P: '7',
    });
  });

  it('have a SQLSTATE whatever happened', () => {
    expect(sqlStateOf(new Error('x'))).toBe('XX000');
    expect(sqlStateOf(null)).toBe('XX000');
    expect(sqlStateOf(new SluiceError('too_large', 'x'))).toBe('54000');
    expect(sqlStateOf(new SluiceError('target_rejected', 'x'))).toBe('08004');
  });
});
