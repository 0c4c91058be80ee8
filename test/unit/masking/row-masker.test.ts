import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import pgTypes from 'pg-types';
import { describe, expect, it } from 'vitest';
import { createRowMasker } from '../../../src/masking/row-masker.js';
import type { ColumnTreatment, MaskerName, WireColumn } from '../../../src/masking/types.js';
import { dataRow, formsOf, readRow } from './rows.js';

const all = { email: 'mask', card: 'mask', 'private-key': 'mask', token: 'mask' } as const;
const hashKey = Buffer.alloc(32, 9);
const clear: ColumnTreatment = { kind: 'clear' };
const whole: ColumnTreatment = { kind: 'whole' };
const byClass = (masker: MaskerName, name = 'c'): ColumnTreatment => ({ kind: 'class', class: name, masker });
const column = (typeOid: number, treatment: ColumnTreatment, format: 0 | 1 = 0): WireColumn => ({
  name: 'c',
  typeOid,
  format,
  treatment,
});

/** Masks one value of one column. */
function maskValue(value: string | Buffer | null, of: WireColumn, key = hashKey): Buffer | null {
  const masker = createRowMasker([of], all, key);
  const row = dataRow([value]);
  const [masked] = readRow(masker === null ? row : masker.maskRow(row));
  return masked ?? null;
}
const maskedText = (value: string, typeOid: number, treatment: ColumnTreatment): string | undefined =>
  maskValue(value, column(typeOid, treatment))?.toString();

describe('createRowMasker', () => {
  it('is null when nothing can change', () => {
    expect(createRowMasker([], all, hashKey)).toBeNull();
    expect(createRowMasker([column(23, clear), column(1114, clear), column(19, clear)], all, hashKey)).toBeNull();
    expect(createRowMasker([column(25, clear)], {}, hashKey)).toBeNull();
    expect(createRowMasker([column(25, clear)], all, hashKey)).not.toBeNull();
    expect(createRowMasker([column(23, whole)], {}, hashKey)).not.toBeNull();
  });

  it('returns the very same buffer when it changes nothing', () => {
    const masker = createRowMasker([column(25, clear), column(23, clear), column(25, byClass('redact'))], all, hashKey);
    const row = dataRow(['nothing here', '42', null]);
    expect(masker?.maskRow(row)).toBe(row);
  });

  it.each([
    ['no count', Buffer.alloc(0)],
    ['half a count', Buffer.alloc(1)],
    ['fewer columns', dataRow(['a'])],
    ['more columns', dataRow(['a', 'b', 'c'])],
    ['bytes behind', Buffer.concat([dataRow(['a', 'b']), Buffer.from([0])])],
    ['a length over the end', Buffer.from([0, 2, 0, 0, 0, 9, 65])],
    ['a length that wraps', Buffer.from([0, 2, 0x7f, 0xff, 0xff, 0xff, 65])],
    ['a negative length', Buffer.from([0, 2, 0xff, 0xff, 0xff, 0xfe, 65])],
    ['a missing length', Buffer.from([0, 2, 0, 0, 0, 1, 65, 0, 0])],
  ])('refuses a row with %s', (_name, row) => {
    const masker = createRowMasker([column(25, whole), column(25, clear)], all, hashKey);
    expect(() => masker?.maskRow(row)).toThrow(expect.objectContaining({ code: 'protocol' }));
  });

  it('keeps the structure of every row, touches no clear cell, and lets no secret out in any form', () => {
    const secret = 'Zk7#secret-value@hidden.example';
    const forms = formsOf(secret);
    const treatments = fc.constantFrom(
      clear,
      whole,
      byClass('redact'),
      byClass('last4'),
      byClass('email'),
      byClass('hash'),
      byClass('null'),
    );
    const cell = fc.record({
      treatment: treatments,
      typeOid: fc.constantFrom(25, 1043, 1042, 114, 3802, 17, 23, 20, 1700, 2950, 1009, 1007, 16, 1184, 99_999),
      format: fc.constantFrom(0 as const, 1 as const),
      isNull: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(cell, { minLength: 1, maxLength: 12 }), (cells) => {
        const columns = cells.map(({ typeOid, format, treatment }) => column(typeOid, treatment, format));
        const masker = createRowMasker(columns, {}, hashKey);
        const values = cells.map(({ isNull, treatment }) =>
          isNull ? null : treatment.kind === 'clear' ? 'clear' : secret,
        );
        const row = dataRow(values);
        const before = Buffer.from(row);
        const masked = masker === null ? row : masker.maskRow(row);
        expect(row.equals(before)).toBe(true);
        const out = readRow(masked);
        expect(out).toHaveLength(cells.length);
        cells.forEach(({ isNull, treatment }, index) => {
          if (treatment.kind === 'clear') expect(out[index]?.toString()).toBe(isNull ? undefined : 'clear');
          if (treatment.kind === 'class' && isNull) expect(out[index]).toBeNull();
        });
        for (const form of forms) expect(masked.includes(form)).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});

describe('maskRows', () => {
  const columns = [column(23, clear), column(25, byClass('email')), column(25, clear)];
  const frameOf = (payload: Buffer): Buffer => {
    const head = Buffer.alloc(5);
    head[0] = 0x44;
    head.writeInt32BE(payload.length + 4, 1);
    return Buffer.concat([head, payload]);
  };
  /** What is handed on: all bytes, and how many rows in how many stretches. */
  const maskAll = (
    masker: NonNullable<ReturnType<typeof createRowMasker>>,
    frames: Buffer,
    [start, end] = [0, frames.length],
  ): { bytes: Buffer; rows: number; stretches: number; views: number } => {
    const parts: Buffer[] = [];
    let rows = 0;
    let views = 0;
    masker.maskRows(frames, start, end, (bytes, from, to, count) => {
      parts.push(Buffer.from(bytes.subarray(from, to)));
      rows += count;
      if (bytes === frames) views++;
    });
    return { bytes: Buffer.concat(parts), rows, stretches: parts.length, views };
  };

  it('hands on every row as maskRow masks it, in order, wherever the rows stand', () => {
    const address = fc.constantFrom(null, 'no address', 'ada.lovelace@example.com');
    const note = fc.constantFrom(null, '', 'n'.repeat(200), 'n'.repeat(3000), 'write to bob@example.org');
    fc.assert(
      fc.property(fc.array(fc.tuple(address, note), { maxLength: 40 }), fc.nat(7), (rows, before) => {
        const masker = createRowMasker(columns, all, hashKey);
        if (masker === null) throw new Error('nothing to mask');
        const payloads = rows.map(([mail, text], index) => dataRow([String(index), mail, text]));
        const whole = Buffer.concat([Buffer.alloc(before, 1), ...payloads.map(frameOf), Buffer.alloc(3, 1)]);
        const copy = Buffer.from(whole);
        const out = maskAll(masker, whole, [before, whole.length - 3]);
        expect(out.bytes).toEqual(Buffer.concat(payloads.map((row) => frameOf(masker.maskRow(row)))));
        expect(out.rows).toBe(rows.length);
        expect(whole).toEqual(copy);
      }),
    );
  });

  it('masks each value as it is masked alone', () => {
    const treatments = fc.constantFrom<ColumnTreatment>(
      ...[clear, clear, whole, byClass('redact'), byClass('last4'), byClass('email'), byClass('hash'), byClass('null')],
    );
    const values = fc.oneof(
      fc.constantFrom(null, '', 'ada.lovelace@example.com', 'x@y', '4111 1111 1111 1111', '1234567', 'äöüßäöüß', '42'),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.integer({ min: 1000, max: 3000 }).map((length) => 'n'.repeat(length)),
    );
    const table = fc
      .array(fc.record({ treatment: treatments, typeOid: fc.constantFrom(25, 1042, 20, 23, 99_999) }), {
        minLength: 1,
        maxLength: 5,
      })
      .chain((of) => fc.tuple(fc.constant(of), fc.array(fc.tuple(...of.map(() => values)), { maxLength: 20 })));
    fc.assert(
      fc.property(table, ([of, rows]) => {
        const described = of.map(({ typeOid, treatment }) => column(typeOid, treatment));
        const masker = createRowMasker(described, all, hashKey);
        if (masker === null) return;
        const frames = Buffer.concat(rows.map((row) => frameOf(dataRow(row))));
        const expected = rows.map((row) =>
          frameOf(dataRow(row.map((value, index) => maskValue(value, described[index] ?? column(25, whole))))),
        );
        const masked = maskAll(masker, frames);
        expect(masked.bytes.equals(Buffer.concat(expected))).toBe(true);
        expect(masked.rows).toBe(rows.length);
      }),
    );
  });

  it('hands untouched rows on where they stand, and masked ones in one piece', () => {
    const masker = createRowMasker(columns, all, hashKey);
    if (masker === null) throw new Error('nothing to mask');
    const untouched = Array.from({ length: 100 }, (_, id) =>
      frameOf(dataRow([String(id), null, 'nothing to see here'])),
    );
    const touched = Array.from({ length: 100 }, (_, id) => frameOf(dataRow([String(id), 'ada@example.com', null])));
    expect(maskAll(masker, Buffer.concat(untouched))).toMatchObject({ rows: 100, stretches: 1, views: 1 });
    expect(maskAll(masker, Buffer.concat(touched))).toMatchObject({ rows: 100, stretches: 1, views: 0 });
    const mixed = maskAll(masker, Buffer.concat([...untouched, ...touched, ...untouched]));
    expect(mixed).toMatchObject({ rows: 300, stretches: 3, views: 2 });
  });

  it('makes room for rows that grow', () => {
    const masker = createRowMasker([column(25, whole)], {}, hashKey);
    if (masker === null) throw new Error('nothing to mask');
    const row = frameOf(dataRow(['']));
    const { bytes, rows } = maskAll(masker, Buffer.concat(Array.from({ length: 2000 }, () => row)));
    expect(rows).toBe(2000);
    expect(bytes).toEqual(Buffer.concat(Array.from({ length: 2000 }, () => frameOf(dataRow(['***'])))));
  });

  it.each([
    ['a length over the end', Buffer.from([0x44, 0, 0, 0, 99, 0, 1])],
    ['a length under its own', Buffer.from([0x44, 0, 0, 0, 3, 0, 1])],
    ['a negative length', Buffer.from([0x44, 0xff, 0xff, 0xff, 0xff, 0, 1])],
    ['a malformed payload', frameOf(Buffer.from([0, 3, 0, 0, 0, 9]))],
  ])('refuses a frame with %s', (_name, bytes) => {
    const masker = createRowMasker(columns, all, hashKey);
    expect(() => masker && maskAll(masker, bytes)).toThrow(expect.objectContaining({ code: 'protocol' }));
  });
});

describe('class maskers', () => {
  it.each([
    ['ada@example.com', '***@***.com'],
    ['adal@example.com', 'a***@***.com'],
    ['äöü@example.com', '***@***.com'],
    ['aäö@example.com', '***@***.com'],
    ['adal@example.museum', 'a***@***'],
    ['adal@localhost', 'a***@***'],
    ['no address', '***'],
    ['', '***'],
    ['1adal@x.de  ', '***@***.de'],
    ['"ada l"@x.de', '***@***.de'],
    ['anna@x@y.org', 'a***@***.org'],
  ])('email: %s → %s', (value, masked) => {
    for (const typeOid of [25, 1043, 1042]) expect(maskedText(value, typeOid, byClass('email'))).toBe(masked);
  });

  it.each([
    ['4111111111111111', '****1111'],
    ['4111 1111 1111 1234', '****1234'],
    ['123-45-6789', '****6789'],
    ['1234567', '****'],
    ['12-34-56', '****'],
    ['', '****'],
    ['äöüßäöüß', '****äöüß'],
    ['привет мир', '****тмир'],
    ['12345678   ', '****5678'],
  ])('last4: %s → %s', (value, masked) => {
    expect(maskedText(value, 25, byClass('last4'))).toBe(masked);
  });

  it('last4 stays a number where the column is one, in both formats', () => {
    expect(maskedText('4111111111111234', 20, byClass('last4'))).toBe('1234');
    expect(maskedText('-4111111111111234', 1700, byClass('last4'))).toBe('1234');
    expect(maskedText('123456.78', 1700, byClass('last4'))).toBe('0');
    expect(maskedText('1234567', 23, byClass('last4'))).toBe('0');
    const int8 = Buffer.alloc(8);
    int8.writeBigInt64BE(4111111111111234n);
    expect(maskValue(int8, column(20, byClass('last4'), 1))?.readBigInt64BE()).toBe(1234n);
    const int4 = Buffer.alloc(4);
    int4.writeInt32BE(-987654321);
    expect(maskValue(int4, column(23, byClass('last4'), 1))?.readInt32BE()).toBe(4321);
    expect(maskValue(Buffer.from([1]), column(20, byClass('last4'), 1))).toEqual(Buffer.alloc(8));
  });

  it('hash joins equal values of a class across types and formats, and nothing else', () => {
    const hash = byClass('hash', 'ssn');
    const expected = createHmac('sha256', hashKey).update('ssn\0').update('123-45-6789').digest('hex').slice(0, 32);
    expect(maskedText('123-45-6789', 25, hash)).toBe(expected);
    expect(maskedText('123-45-6789   ', 1042, hash)).toBe(expected);
    expect(maskValue('123-45-6789', column(1043, hash, 1))?.toString()).toBe(expected);
    expect(maskedText('123-45-6788', 25, hash)).not.toBe(expected);
    expect(maskedText('123-45-6789', 25, byClass('hash', 'other'))).not.toBe(expected);
    expect(maskValue('123-45-6789', column(25, hash), Buffer.alloc(32, 1))?.toString()).not.toBe(expected);

    const uuid = '550e8400-e29b-41d4-a716-446655440000';
    const hashed = maskedText(uuid, 2950, hash);
    expect(hashed).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(maskValue(Buffer.from(uuid.replaceAll('-', ''), 'hex'), column(2950, hash, 1))?.toString('hex')).toBe(
      hashed?.replaceAll('-', ''),
    );
    const int8 = Buffer.alloc(8);
    int8.writeBigInt64BE(42n);
    expect(
      maskValue(int8, column(20, hash, 1))
        ?.readBigInt64BE()
        .toString(),
    ).toBe(maskedText('42', 20, hash));
    expect(Number.isSafeInteger(Number(maskedText('42', 20, hash)))).toBe(true);
  });

  it('falls back to the constant of the type, and to NULL', () => {
    expect(maskedText('{"a":1}', 3802, byClass('email'))).toBe('"***"');
    expect(maskedText('2020-02-02', 1082, byClass('last4'))).toBe('2000-01-01');
    expect(maskValue('x', column(25, byClass('null')))).toBeNull();
    expect(maskValue('happy', column(99_999, byClass('redact')))).toBeNull();
    expect(maskValue(null, column(25, byClass('redact')))).toBeNull();
    expect(maskValue(null, column(25, whole))?.toString()).toBe('***');
  });

  it('gives pg values of the right kind', () => {
    const parsed = (typeOid: number): unknown =>
      pgTypes.getTypeParser(typeOid, 'text')(maskedText('x', typeOid, whole) ?? '');
    expect(parsed(23)).toBe(0);
    expect(parsed(16)).toBe(false);
    expect(parsed(701)).toBe(0);
    expect(parsed(114)).toBe('***');
    expect(parsed(3802)).toBe('***');
    expect(parsed(1184)).toEqual(new Date('2000-01-01T00:00:00Z'));
    expect(parsed(1009)).toEqual([]);
    expect(parsed(1007)).toEqual([]);
    expect(parsed(17)).toEqual(Buffer.alloc(0));
    expect(parsed(600)).toEqual({ x: 0, y: 0 });
    const binary = (typeOid: number): unknown =>
      (pgTypes.getTypeParser(typeOid, 'binary') as unknown as (value: Buffer) => unknown)(
        maskValue('x', column(typeOid, whole, 1)) ?? Buffer.alloc(0),
      );
    expect(binary(23)).toBe(0);
    expect(binary(16)).toBe(false);
    expect(binary(701)).toBe(0);
    expect(binary(1700)).toBe(0);
    expect(binary(1184)).toEqual(new Date('2000-01-01T00:00:00Z'));
    expect(binary(1009)).toEqual([]);
    expect(binary(25)).toBe('***');
  });
});

describe('detectors on clear columns', () => {
  const found = (value: string | Buffer, typeOid: number, format: 0 | 1 = 0): string | undefined =>
    maskValue(value, column(typeOid, clear, format))?.toString();

  it('mask in place in text, in both formats, but not in names and numbers', () => {
    for (const typeOid of [25, 1043, 1042]) {
      for (const format of [0, 1] as const) expect(found('to anna@x.org!', typeOid, format)).toBe('to a***@***.org!');
    }
    expect(found('anna@x.org', 19)).toBe('anna@x.org');
    expect(found('4111111111111111', 20)).toBe('4111111111111111');
  });

  it('keep json valid and see through its escapes', () => {
    expect(found('{"mail": "anna@x.org", "card": 4111111111111111, "n": [1.50]}', 114)).toBe(
      '{"mail": "a***@***.org", "card": "****1111", "n": [1.50]}',
    );
    expect(found('{"mail": "anna\\u0040x.org", "q": "say \\"hi\\""}', 114)).toBe(
      '{"mail": "a***@***.org", "q": "say \\"hi\\""}',
    );
    expect(found('"line\\n4111111111111111\\n"', 114)).toBe('"line\\n****1111\\n"');
    expect(found('{"anna@x.org": null, "b": true}', 3802)).toBe('{"a***@***.org": null, "b": true}');
    expect(found(Buffer.from('\u0001"anna@x.org"'), 3802, 1)).toBe('\u0001"a***@***.org"');
    expect(found('{"a": "-----BEGIN PRIVATE KEY-----\\nMII", "b": 1}', 114)).toBe('{"a": "[private key]", "b": 1}');
    expect(found('{"plain": "a\\\\b"}', 114)).toBe('{"plain": "a\\\\b"}');
  });

  it('keep xml well-formed and see through its references', () => {
    expect(found('<a m="anna@x.org">&lt;4111111111111111&gt;</a>', 142)).toBe(
      '<a m="a***@***.org">&lt;****1111&gt;</a>',
    );
    expect(found('<a>anna&#64;x.org &#x40; &#60;</a>', 142)).toBe('<a>a***@***.org @ &#60;</a>');
    expect(found('<a>&#169; &amp;</a>', 142)).toBe('<a>&#169; &amp;</a>');
  });

  it('look into arrays, in both formats', () => {
    expect(found('{plain,"anna@x.org",NULL,{"a \\"b\\" c","4111 1111 1111 1111"}}', 1009)).toBe(
      '{plain,"a***@***.org",NULL,{"a \\"b\\" c","****1111"}}',
    );
    expect(found('[0:1]={anna@x.org,b}', 1015)).toBe('[0:1]={"a***@***.org",b}');
    expect(found('{"{\\"e\\": \\"anna\\\\u0040x.org\\"}"}', 199)).toBe('{"{\\"e\\": \\"a***@***.org\\"}"}');
    const head = Buffer.from('000000010000000100000019' + '0000000300000001', 'hex');
    const element = (text: string | null): Buffer => dataRow([text]).subarray(2);
    const array = Buffer.concat([head, element('plain'), element('anna@x.org'), element(null)]);
    const masked = maskValue(array, column(1009, clear, 1));
    expect(masked).toEqual(Buffer.concat([head, element('plain'), element('a***@***.org'), element(null)]));
  });

  it('withhold what they cannot read', () => {
    expect(found('no array: anna@x.org', 1009)).toBe('{}');
    expect(maskValue(Buffer.from('00000001', 'hex'), column(1009, clear, 1))?.toString('hex')).toBe(
      '000000000000000000000019',
    );
    expect(found(Buffer.from('\u0002"x"'), 3802, 1)).toBe('\u0001"***"');
    expect(found('"broken \\u00zz"', 114)).toBe('"***"');
  });

  it('keep any json value valid and its shape', () => {
    const shape = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shape);
      if (typeof value === 'object' && value !== null) return Object.values(value).map(shape);
      return typeof value;
    };
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.constantFrom(114, 3802), (json, typeOid) => {
        const masked: unknown = JSON.parse(found(json, typeOid) ?? '');
        expect(shape(masked)).toEqual(shape(JSON.parse(json)));
      }),
    );
  });
});
