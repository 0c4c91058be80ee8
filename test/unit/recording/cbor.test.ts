import { decode, Encoder } from 'cbor-x';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CborWriter, decodeCbor, type CborValue } from '../../../src/recording/cbor.js';

const value: fc.Arbitrary<CborValue> = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.maxSafeInteger(),
    fc.integer({ min: -70000, max: 70000 }),
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 30 }),
  ),
})).value;

function encode(item: CborValue, out = new CborWriter(Buffer.alloc(1))): Buffer {
  if (item === null) out.null();
  else if (typeof item === 'boolean') out.boolean(item);
  else if (typeof item === 'number') out.integer(item);
  else if (typeof item === 'string') out.text(item);
  else if (item instanceof Uint8Array) out.bytes(item);
  else {
    out.array(item.length);
    for (const each of item) encode(each, out);
  }
  return Buffer.from(out.buffer.subarray(0, out.length));
}

/** Buffers compare as the byte arrays they are. */
function plain(item: CborValue): CborValue {
  if (item instanceof Uint8Array) return Uint8Array.from(item);
  return Array.isArray(item) ? (item as readonly CborValue[]).map(plain) : item;
}

describe('CBOR of recordings', () => {
  it('decodes to what was encoded', () => {
    fc.assert(
      fc.property(value, (item) => {
        expect(plain(decodeCbor(encode(item)))).toEqual(plain(item));
      }),
    );
  });

  it('embeds a value of any length whole, in a buffer of any size', () => {
    const lengths = [0, 1, 20, 21, 22, 23, 24, 250, 252, 253, 254, 255, 256, 257, 65_530, 65_533, 65_540, 100_000];
    for (const length of lengths)
      for (const capacity of [1, 32, 256, length + 2, length + 4, length + 6, 32_768]) {
        const content = Buffer.alloc(length, 7);
        const out = new CborWriter(Buffer.alloc(capacity));
        const bytes = out.embed((inner, data: Buffer) => inner.bytes(data), content);
        const outer = decodeCbor(out.buffer.subarray(0, out.length));
        if (!(outer instanceof Uint8Array)) throw new Error('no byte string');
        expect(outer.length, `${length} in ${capacity}`).toBe(bytes);
        expect(content.equals(decodeCbor(outer) as Uint8Array), `${length} in ${capacity}`).toBe(true);
      }
  });

  it('is read alike by an independent decoder', () => {
    fc.assert(
      fc.property(value, (item) => {
        const theirs = decode(encode(item)) as CborValue;
        expect(plain(normal(theirs))).toEqual(plain(item));
      }),
    );
  });

  it('reads what an independent encoder wrote, where that is deterministic', () => {
    const encoder = new Encoder({ useRecords: false, tagUint8Array: false });
    const item = [1, 'text', null, true, ['a', 70000, -3], new Uint8Array([1, 2])];
    expect(plain(decodeCbor(encoder.encode(item)))).toEqual(item);
  });

  it('accepts only the one encoding of a value', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        let item: CborValue;
        try {
          item = decodeCbor(bytes);
        } catch {
          return;
        }
        expect(encode(item)).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ['an integer not in its shortest form', '1801'],
    ['a length not in its shortest form', '590001aa'],
    ['an indefinite array', '9f01ff'],
    ['a map', 'a0'],
    ['a tag', 'c001'],
    ['a float', 'fb3ff0000000000000'],
    ['text that is not UTF-8', '61ff'],
    ['an array longer than the bytes', '9a7fffffff'],
    ['an integer over 2^53', '1bffffffffffffffff'],
    ['bytes after the value', '0101'],
    ['nothing', ''],
    ['arrays nested without end', '81'.repeat(64)],
  ])('rejects %s', (_, hex) => {
    expect(() => decodeCbor(Buffer.from(hex, 'hex'))).toThrow();
  });

  it('turns lone surrogates into U+FFFD', () => {
    expect(decodeCbor(encode('a\ud800b'))).toBe('a\ufffdb');
    expect(decodeCbor(encode('\ud800'.repeat(60)))).toBe('\ufffd'.repeat(60));
  });

  it('refuses numbers that would come back as others', () => {
    for (const number of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60]) {
      expect(() => encode(number)).toThrow(TypeError);
    }
  });
});

/** cbor-x gives integers over 2^32 as bigint. */
function normal(item: CborValue | bigint): CborValue {
  if (typeof item === 'bigint') return Number(item);
  return Array.isArray(item) ? (item as readonly CborValue[]).map(normal) : item;
}
