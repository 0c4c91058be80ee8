import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenGateway, pgClient, startOpenGateway } from './open-gateway.js';

/** A column of each kind with a value that must not be seen; every one is classified. */
const sealed: Readonly<Record<string, string>> = {
  smallint: '321',
  integer: '7654321',
  bigint: '7654321987',
  'numeric(10,2)': '76543.21',
  real: '7654.5',
  'double precision': '7654.25',
  boolean: 'true',
  text: "'sealed text'",
  'character varying(30)': "'sealed varchar'",
  'character(12)': "'sealed char'",
  uuid: "'76543210-0000-4000-8000-000000000000'",
  date: "'1976-05-04'",
  'timestamp(3) without time zone': "'1976-05-04 03:02:01'",
  'timestamp with time zone': "'1976-05-04 03:02:01+00'",
  'time without time zone': "'07:06:05'",
  interval: "'7 days 6 hours'",
  bytea: "'\\x76543210'",
  json: '\'{"a":"sealed"}\'',
  jsonb: '\'{"a":"sealed"}\'',
  inet: "'7.6.5.4'",
  'integer[]': "'{7654321}'",
  'text[]': "'{sealed}'",
  int4range: "'[7654,7655)'",
  'bit varying(4)': "'1'",
  money: "'7654.32'",
  xml: "'<a>sealed</a>'",
  amount: '7654',
  tiny_amount: '76',
  label: "'sealed'",
};
const types = Object.keys(sealed);
const columns = types.map((_type, at) => `c${at}`);
const definition = types.map((type, at) => `c${at} ${type}`).join(', ');

let gateway: OpenGateway;
let client: pg.Client;
let direct: pg.Client;
beforeAll(async () => {
  gateway = await startOpenGateway(['typed'], {
    classification: `classes: { sealed: { mask: redact } }
columns: [{ column: "public.sealed.c*", class: sealed }]
detectors: { card: mask }
`,
    policies: '@id("all") permit (principal, action, resource) unless { action == Action::"reveal" };\n',
  });
  direct = await pgClient(gateway.direct('typed'));
  await direct.query(`create domain amount as integer check (value > -1); create domain tiny_amount as amount;
    create type label as enum ('sealed', 'open');
    create table sealed (id int, ${definition}); create table open_copy (id int, ${definition}, big bigint);
    alter table sealed add big bigint;
    insert into sealed values (1, ${Object.values(sealed).join(', ')}, 4111111111111111), (2, ${types.map(() => 'null').join(', ')}, null)`);
  client = await pgClient(gateway.through('typed'));
}, 120_000);
afterAll(async () => {
  await client.end();
  await direct.end();
  await gateway.stop();
});

async function copyOut(sql: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of client.query(copyTo(sql))) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Reads a copy into a table of the very same types, as pg_restore would. */
async function takeIn(bytes: Buffer, names: readonly string[], options: string): Promise<void> {
  await direct.query('truncate open_copy');
  await pipeline(
    Readable.from([bytes]),
    direct.query(copyFrom(`copy open_copy (${names.join(', ')}) from stdin ${options.replace(', force_quote *', '')}`)),
  );
}

/** `numeric(10,2)` and `character(12)` fill up what they are given. */
const withoutWidth = (row: Record<string, unknown> = {}): Record<string, unknown> => ({
  ...row,
  [`c${types.indexOf('numeric(10,2)')}`]: Number(row[`c${types.indexOf('numeric(10,2)')}`]),
  [`c${types.indexOf('character(12)')}`]: String(row[`c${types.indexOf('character(12)')}`]).trim(),
});

const forms = [
  '(format text)',
  '(format csv)',
  '(format binary)',
  "(format csv, header, delimiter ';', force_quote *)",
];
const sources = [
  ['a table', 'sealed'],
  ['some columns of a table', `sealed (id, ${columns.join(', ')})`],
  ['a query', `(select id, ${columns.join(', ')} from sealed order by id)`],
] as const;

describe('COPY of protected columns', () => {
  it.each(forms.flatMap((form) => sources.map(([what, source]) => [form, what, source] as const)))(
    'stays readable in %s from %s, and shows nothing',
    async (form, what, source) => {
      const bytes = await copyOut(`copy ${source} to stdout ${form}`);
      expect(bytes.toString('latin1')).not.toMatch(/7654|sealed|1976/);
      await takeIn(bytes, ['id', ...columns, ...(what === 'a table' ? ['big'] : [])], form);
      const [row] = (await direct.query<Record<string, unknown>>('select * from open_copy where id = 1')).rows;
      // The values are those that rows show, but for what a column's own width adds.
      const [shown] = (await client.query<Record<string, unknown>>('select * from sealed where id = 1')).rows;
      expect(withoutWidth(row)).toEqual(withoutWidth(what === 'a table' ? shown : { ...shown, big: null }));
    },
  );

  it('writes a placeholder of its type for what is computed, and null where the type is not known', async () => {
    const text = await copyOut(
      'copy (select upper(c7), c1::text, max(c1) from sealed where id = 1 group by 1, 2) to stdout',
    );
    expect(text.toString()).toBe('***\t***\t0\n');
    expect((await copyOut('copy (select c1 * 2 from sealed where id = 1) to stdout')).toString()).toBe('\\N\n');
  });

  it('does not look for card numbers in a number that nothing protects, as rows do not', async () => {
    expect((await copyOut('copy (select big from sealed where id = 1) to stdout')).toString()).toBe(
      '4111111111111111\n',
    );
  });
});
