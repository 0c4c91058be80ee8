import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCopyMasker, type CopyMaskerOptions } from '../../../src/masking/copy-masker.js';
import type { CopyMasker } from '../../../src/masking/types.js';
import { maskChunk, maskRest } from '../../support/copy-stream.js';
import { dataRow } from './rows.js';

const all = { email: 'mask', card: 'mask', 'private-key': 'mask', token: 'mask' } as const;
const text = { delimiter: '\t', nullText: '\\N', quote: '"', escape: '"', header: false };
const csv = { delimiter: ',', nullText: '', quote: '"', escape: '"', header: false };
const clear = { kind: 'clear' } as const;
const whole = { kind: 'whole' } as const;
const email = { kind: 'class', class: 'email', masker: 'email' } as const;

/** id clear int4, mail by class, note clear text, salary whole int4. */
const columns = [
  { typeOid: 23, treatment: clear },
  { typeOid: 25, treatment: email },
  { typeOid: 25, treatment: clear },
  { typeOid: 23, treatment: whole },
];

function create(options: Partial<CopyMaskerOptions>): CopyMasker {
  const masker = createCopyMasker({
    format: 'text',
    csv: text,
    columns,
    detectors: all,
    hashKey: Buffer.alloc(32),
    ...options,
  });
  if (masker === null) throw new Error('nothing to mask');
  return masker;
}

/** The masked stream when it arrives in these chunks; what was handed out earlier must not change later. */
function stream(masker: CopyMasker, chunks: readonly Buffer[]): Buffer {
  const out: Buffer[] = [];
  const copies: Buffer[] = [];
  for (const piece of [...chunks.map((chunk) => () => maskChunk(masker, chunk)), () => maskRest(masker)]) {
    const bytes = piece();
    out.push(bytes);
    copies.push(Buffer.from(bytes));
  }
  expect(Buffer.concat(out).equals(Buffer.concat(copies))).toBe(true);
  return Buffer.concat(copies);
}
const maskWhole = (input: Buffer | string, options: Partial<CopyMaskerOptions> = {}): string =>
  stream(create(options), [Buffer.from(input)]).toString();

const signature = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
const binary = (...rows: readonly Buffer[]): Buffer =>
  Buffer.concat([signature, Buffer.alloc(8), ...rows, Buffer.from([0xff, 0xff])]);
const int4 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

const samples: readonly (readonly [string, Buffer, Partial<CopyMaskerOptions>])[] = [
  [
    'text',
    Buffer.from('1\tanna@x.org\tplain\t100\n2\t\\N\tcard 4111111111111111\t\\N\n3\t\\N\ta\\tb\\\\ c\\n\t7\n'),
    {},
  ],
  [
    'text with header',
    Buffer.from('id\tmail\tnote@x.org\tsalary\n1\tanna@x.org\t\\\\N\t1\n'),
    { csv: { ...text, header: true } },
  ],
  [
    'csv',
    Buffer.from('id,mail,"no\nte",salary\n1,anna@x.org,"multi\nline ""q"", bob@y.de",5\n2,,"",\n3,"a,b@x.org",,6\n'),
    { format: 'csv', csv: { ...csv, header: true } },
  ],
  [
    'csv with another escape',
    Buffer.from("1;anna@x.org;'it\\'s \\\\ 4111111111111111';5\n2;NULL;'NULL';NULL\n"),
    { format: 'csv', csv: { delimiter: ';', nullText: 'NULL', quote: "'", escape: '\\', header: false } },
  ],
  [
    'binary',
    binary(dataRow([int4(1), 'anna@x.org', 'bob@y.de', int4(9)]), dataRow([int4(2), null, 'plain', null])),
    { format: 'binary' },
  ],
];

describe('createCopyMasker', () => {
  it('masks text', () => {
    const [, input, options] = samples[0] ?? ['', Buffer.alloc(0), {}];
    expect(maskWhole(input, options)).toBe(
      '1\ta***@***.org\tplain\t0\n2\t\\N\tcard ****1111\t0\n3\t\\N\ta\\tb\\\\ c\\n\t0\n',
    );
  });

  it('masks csv, with header, quotes and newlines', () => {
    const [, input, options] = samples[2] ?? ['', Buffer.alloc(0), {}];
    expect(maskWhole(input, options)).toBe(
      'id,mail,"no\nte",salary\n1,a***@***.org,"multi\nline ""q"", ***@***.de",0\n2,,"",0\n3,***@***.org,,0\n',
    );
  });

  it('keeps quoted and unquoted NULL apart', () => {
    const [, input, options] = samples[3] ?? ['', Buffer.alloc(0), {}];
    expect(maskWhole(input, options)).toBe("1;a***@***.org;'it\\'s \\\\ ****1111';0\n2;NULL;'NULL';0\n");
  });

  it('masks binary', () => {
    const [, input, options] = samples[4] ?? ['', Buffer.alloc(0), {}];
    const expected = binary(
      dataRow([int4(1), 'a***@***.org', '***@***.de', int4(0)]),
      dataRow([int4(2), null, 'plain', int4(0)]),
    );
    expect(stream(create(options), [input])).toEqual(expected);
  });

  it.each(samples)('gives the same for %s cut anywhere', (_name, input, options) => {
    const expected = stream(create(options), [input]);
    for (let cut = 0; cut <= input.length; cut++) {
      expect(stream(create(options), [input.subarray(0, cut), input.subarray(cut)])).toEqual(expected);
    }
    expect(
      stream(
        create(options),
        [...input].map((byte) => Buffer.from([byte])),
      ),
    ).toEqual(expected);
    fc.assert(
      fc.property(fc.array(fc.nat(input.length), { maxLength: 6 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), input.length];
        const chunks = at.slice(1).map((end, index) => input.subarray(at[index], end));
        expect(stream(create(options), chunks)).toEqual(expected);
      }),
    );
  });

  it('masks rows that come whole as those that come in pieces', () => {
    const value = fc.oneof(
      fc.constantFrom(
        '',
        'plain',
        'anna@x.org',
        'to bob@example.org, please',
        '4111111111111111',
        '***',
        'NULL',
        '\\N',
      ),
      fc.stringMatching(/^[a-c@.,;"'\\\n\t ]{0,8}$/),
    );
    const asText = (values: readonly (string | null)[], delimiter: string, nullText: string): string =>
      values
        .map((field) =>
          field === null
            ? nullText
            : field
                .replaceAll('\\', '\\\\')
                .replaceAll('\n', '\\n')
                .replaceAll('\t', '\\t')
                .replaceAll(delimiter, `\\${delimiter}`),
        )
        .join(delimiter);
    const asCsv = (values: readonly (string | null)[], delimiter: string, nullText: string): string =>
      values
        .map((field) => {
          if (field === null) return nullText;
          const isPlain = field !== '' && field !== nullText && !/[\s"',;\\]/.test(field);
          return isPlain ? field : `"${field.replaceAll('"', '""')}"`;
        })
        .join(delimiter);
    const rows = fc.array(fc.array(fc.option(value), { minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(
        ...[rows, fc.constantFrom('text', 'csv'), fc.constantFrom(',', ';'), fc.constantFrom('\\N', '', 'NULL')],
        (table, format, delimiter, nullText) => {
          const write = format === 'csv' ? asCsv : asText;
          const lines = table.map((values) => Buffer.from(`${write(values, delimiter, nullText)}\n`));
          const options = {
            format,
            csv: { ...csv, delimiter, nullText },
            columns: columns.map((column) => ({ ...column, typeOid: 25 })),
          };
          const pieces = lines.flatMap((line) => [line.subarray(0, -1), line.subarray(-1)]);
          expect(stream(create(options), lines)).toEqual(stream(create(options), pieces));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('passes what stays as it is, and is null when nothing can change', () => {
    const input = Buffer.from('1\t\\N\tplain\t5\n');
    const masker = create({
      columns: columns.map((column, index) => (index === 3 ? { typeOid: 23, treatment: clear } : column)),
    });
    expect(maskChunk(masker, input)).toEqual(input);
    const nothing = {
      columns: [{ typeOid: 23, treatment: clear }],
      detectors: all,
      csv: text,
      hashKey: Buffer.alloc(32),
    };
    expect(createCopyMasker({ format: 'text', ...nothing })).toBeNull();
    expect(createCopyMasker({ format: 'binary', ...nothing })).toBeNull();
  });

  it('masks a column of unknown type as NULL, and looks into one in clear as text', () => {
    const unknown = [
      { typeOid: 0, treatment: whole },
      { typeOid: 0, treatment: clear },
    ];
    expect(maskWhole('secret\tanna@x.org\n', { columns: unknown })).toBe('\\N\ta***@***.org\n');
    const masked = stream(create({ columns: unknown, format: 'binary' }), [binary(dataRow(['secret', 'x']))]);
    expect(masked).toEqual(binary(dataRow([null, 'x'])));
    const found = stream(create({ columns: unknown, format: 'binary' }), [
      binary(dataRow(['secret', 'to anna@x.org'])),
    ]);
    expect(found).toEqual(binary(dataRow([null, null])));
  });

  it('finds what an odd delimiter hides behind escapes', () => {
    const options = {
      columns: [
        { typeOid: 25, treatment: clear },
        { typeOid: 25, treatment: clear },
      ],
      csv: { ...text, delimiter: '@' },
    };
    expect(maskWhole('anna\\@x.org@plain\n', options)).toBe('a***\\@***.org@plain\n');
  });

  it.each([
    ['fewer fields', '1\ta@x.org\tnote\n', {}],
    ['more fields', '1\ta@x.org\tnote\t5\t6\n', {}],
    ['an open quote', '1,"open,2,3\n', { format: 'csv', csv }],
    ['text behind a quote', '1,"a"b,2,3\n', { format: 'csv', csv }],
    ['another signature', 'PGCOPX\n', { format: 'binary' }],
    ['no trailer', binary().subarray(0, 19), { format: 'binary' }],
    ['bytes behind the trailer', Buffer.concat([binary(), Buffer.from([0])]), { format: 'binary' }],
    ['a negative length', binary(Buffer.from([0, 4, 0xff, 0xff, 0xff, 0xf0])), { format: 'binary' }],
    ['OIDs', Buffer.concat([signature, Buffer.from([0, 1, 0, 0, 0, 0, 0, 0])]), { format: 'binary' }],
    ['another number of columns', binary(dataRow(['a'])), { format: 'binary' }],
  ] as const)('stops for good at %s', (_name, input, options) => {
    const masker = create(options);
    expect(() => {
      maskChunk(masker, Buffer.from(input));
      maskRest(masker);
    }).toThrow(expect.objectContaining({ code: 'protocol' }));
    expect(() => maskChunk(masker, Buffer.from('1\t2\t3\t4\n'))).toThrow(expect.objectContaining({ code: 'protocol' }));
  });

  it.each(['text', 'csv', 'binary'] as const)('never holds more than a row may have (%s)', (format) => {
    const start =
      format === 'binary'
        ? Buffer.concat([signature, Buffer.alloc(8), Buffer.from([0, 4, 0x7f, 0, 0, 0])])
        : Buffer.from('1');
    const masker = create({ format, csv: format === 'csv' ? csv : text, maxRowBytes: 10_000 });
    maskChunk(masker, start);
    const push = (): void => {
      for (let count = 0; count < 20; count++) maskChunk(masker, Buffer.alloc(1_000, 'x'));
    };
    expect(push).toThrow(expect.objectContaining({ code: 'too_large' }));
    const other = create({ maxRowBytes: 10 });
    expect(() => maskChunk(other, Buffer.from(`${'x'.repeat(11)}\t\t\t\n`))).toThrow(
      expect.objectContaining({ code: 'too_large' }),
    );
  });
});
