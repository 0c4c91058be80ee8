import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBind } from '../../../../src/protocols/postgres/bind.js';
import { cString, int16, int32 } from '../../../../src/protocols/postgres/frames.js';

const value = (bytes: Uint8Array | null): Buffer =>
  bytes === null ? int32(-1) : Buffer.concat([int32(bytes.length), bytes]);
function bind(
  formats: readonly number[],
  values: readonly (Uint8Array | null)[],
  results: readonly number[],
  count = values.length,
): Buffer {
  return Buffer.concat([
    cString('p'),
    cString('s'),
    int16(formats.length),
    ...formats.map(int16),
    int16(count),
    ...values.map(value),
    int16(results.length),
    ...results.map(int16),
  ]);
}

describe('decodeBind', () => {
  it('gives names, the bytes behind them, and parameters for people to read', () => {
    const payload = bind([0, 1, 0, 0], [Buffer.from('é'), Buffer.from([0, 255]), null, Buffer.from([0xff])], [1]);
    const decoded = decodeBind(payload);
    expect(decoded).toMatchObject({ portal: 'p', statement: 's', parameters: ['é', '\\x00ff', null, '\\xff'] });
    expect(Buffer.concat([cString('p'), cString('s'), decoded.values])).toEqual(payload);
  });

  it('takes one format for all, or none', () => {
    expect(decodeBind(bind([1], [Buffer.from('a'), Buffer.from('b')], [])).parameters).toEqual(['\\x61', '\\x62']);
    expect(decodeBind(bind([], [Buffer.from('a'), Buffer.from('b')], [0, 1, 0])).parameters).toEqual(['a', 'b']);
    expect(decodeBind(bind([], [], [])).parameters).toEqual([]);
  });

  it('forwards byte for byte what it decoded, whatever the values', () => {
    const list = fc.array(fc.option(fc.uint8Array({ maxLength: 40 })), { maxLength: 8 });
    fc.assert(
      fc.property(list, fc.array(fc.constantFrom(0, 1), { maxLength: 4 }), (values, results) => {
        const payload = bind([], values, results);
        const decoded = decodeBind(payload);
        expect(Buffer.concat([cString('p'), cString('s'), decoded.values])).toEqual(payload);
        expect(decoded.parameters.map((parameter) => parameter === null)).toEqual(values.map((one) => one === null));
      }),
    );
  });

  it.each([
    ['an unknown parameter format', bind([2], [Buffer.from('a')], [])],
    ['an unknown result format', bind([], [], [7])],
    ['a negative format', bind([-1], [Buffer.from('a')], [])],
    ['more formats than parameters', bind([0, 0, 0], [Buffer.from('a')], [])],
    ['a negative count', bind([], [], [], -1)],
    ['more values than there are', bind([], [Buffer.from('a')], [], 2)],
    ['a length of -2', Buffer.concat([cString(''), cString(''), int16(0), int16(1), int32(-2), int16(0)])],
    [
      'a length of 2^31 - 1',
      Buffer.concat([cString(''), cString(''), int16(0), int16(1), int32(0x7fffffff), int16(0)]),
    ],
    ['bytes behind the end', Buffer.concat([bind([], [], []), Buffer.from('x')])],
    ['a name without an end', Buffer.from('p')],
    ['nothing', Buffer.alloc(0)],
  ])('refuses %s', (_what, payload) => {
    expect(() => decodeBind(payload)).toThrow(expect.objectContaining({ code: 'protocol' }));
  });

  it('decodes random bytes or refuses them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decodeBind(Buffer.concat([cString(''), cString(''), Buffer.from(bytes)]));
        } catch (error) {
          expect(error).toMatchObject({ code: 'protocol' });
        }
      }),
    );
  });
});
