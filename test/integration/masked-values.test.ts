import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maskChunk, maskRest } from '../support/copy-stream.js';
import { createCopyMasker } from '../../src/masking/copy-masker.js';
import { placeholderFor } from '../../src/masking/placeholders.js';
import { conditionName } from '../../src/masking/scrub.js';
import { arrayElements } from '../../src/masking/wire-types.js';
import { startPostgres, type TestPostgres } from '../support/postgres.js';

/** Types that a result column can have and that PostgreSQL itself does not read: no value of them can be checked. */
const unreadable = new Set(['record', '_record', 'cstring', '_cstring', 'void', 'unknown']);
/** Types whose receive function refuses even what their own send function writes for an empty value. */
const textOnly = new Set(['int2vector', 'oidvector', 'tsquery', '_gtsvector', '_aclitem']);
/** Types without a constant: their masked value is NULL. */
const withoutConstant = new Set([
  'pg_node_tree',
  'pg_ndistinct',
  'pg_dependencies',
  'pg_mcv_list',
  'pg_ddl_command',
  'aclitem',
  'gtsvector',
  'pg_brin_bloom_summary',
  'pg_brin_minmax_multi_summary',
]);

interface TypeRow {
  readonly oid: number;
  readonly name: string;
  readonly element: number;
  readonly receives: boolean;
}

let server: TestPostgres;
let client: pg.Client;
let types: readonly TypeRow[];
beforeAll(async () => {
  server = await startPostgres();
  const { host, port, superuser, password } = server;
  client = new pg.Client({ host, port, user: superuser, password, database: 'postgres' });
  await client.connect();
  const result = await client.query<TypeRow>(`
    SELECT oid::int, typname AS name, CASE WHEN typcategory = 'A' THEN typelem::int ELSE 0 END AS element, typreceive <> 0 AS receives
    FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm') AND typrelid = 0
      AND NOT EXISTS (SELECT 1 FROM pg_type e WHERE e.typarray = pg_type.oid AND e.typrelid <> 0) ORDER BY oid`);
  types = result.rows;
});
afterAll(async () => {
  await client.end();
  await server.stop();
});

describe('the constant of every built-in type', () => {
  it('exists, but for types that no table can hold or no client can send', () => {
    const missing = types.filter(({ oid, name }) => placeholderFor(oid, 0) === null && !withoutConstant.has(name));
    expect(missing).toEqual([]);
  });

  it('knows every array and its element', () => {
    const wrong = types.filter(
      ({ oid, element, name }) => element !== 0 && name.startsWith('_') && arrayElements.get(oid) !== element,
    );
    expect(wrong).toEqual([]);
  });

  it('is read by PostgreSQL as text and as binary', async () => {
    const failures: string[] = [];
    for (const { oid, name, receives } of types) {
      const text = placeholderFor(oid, 0);
      const binary = placeholderFor(oid, 1);
      if (text === null || unreadable.has(name)) continue;
      const cast = `SELECT $1::pg_catalog.${pg.escapeIdentifier(name)} IS NOT NULL AS read`;
      try {
        await client.query(cast, [text.toString()]);
        if (receives && binary !== null && !textOnly.has(name)) await client.query(cast, [binary]);
      } catch (error) {
        failures.push(`${name}: ${String(error)}`);
      }
    }
    expect(failures).toEqual([]);
  });
});

describe('condition names', () => {
  it('are those of the server', async () => {
    const { rows } = await client
      .query<{ state: string }>(
        `
      CREATE OR REPLACE FUNCTION pg_temp.state_of(condition text) RETURNS text LANGUAGE plpgsql AS $$
      BEGIN EXECUTE format('DO $x$ BEGIN RAISE %s; END $x$', condition); RETURN NULL; EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
      SELECT 1`,
      )
      .then(() =>
        client.query<{ state: string }>(
          `SELECT pg_temp.state_of(c) AS state FROM unnest(ARRAY['division_by_zero', 'unique_violation', 'insufficient_privilege', 'lock_not_available']) c`,
        ),
      );
    expect(rows.map(({ state }) => conditionName(state))).toEqual([
      'division_by_zero',
      'unique_violation',
      'insufficient_privilege',
      'lock_not_available',
    ]);
  });
});

describe('a masked COPY', () => {
  const shape = 'id int, mail text, note varchar, born date, tags text[], doc jsonb, salary numeric, secret bytea';
  const columns = [
    { typeOid: 23, treatment: { kind: 'clear' } },
    { typeOid: 25, treatment: { kind: 'class', class: 'email', masker: 'email' } },
    { typeOid: 1043, treatment: { kind: 'clear' } },
    { typeOid: 1082, treatment: { kind: 'whole' } },
    { typeOid: 1009, treatment: { kind: 'clear' } },
    { typeOid: 3802, treatment: { kind: 'clear' } },
    { typeOid: 1700, treatment: { kind: 'class', class: 'pay', masker: 'redact' } },
    { typeOid: 17, treatment: { kind: 'whole' } },
  ] as const;
  const odd = { delimiter: '|', nullText: 'nil', quote: "'", escape: '\\', header: true };
  const plain = { delimiter: '\t', nullText: '\\N', quote: '"', escape: '"', header: false };
  const forms = [
    { format: 'text', csv: plain, options: 'FORMAT text' },
    {
      format: 'text',
      csv: { ...plain, delimiter: '@', nullText: 'nix' },
      options: `FORMAT text, DELIMITER '@', NULL 'nix'`,
    },
    { format: 'csv', csv: { ...plain, delimiter: ',', nullText: '', header: true }, options: 'FORMAT csv, HEADER' },
    { format: 'csv', csv: odd, options: `FORMAT csv, HEADER, DELIMITER '|', NULL 'nil', QUOTE '''', ESCAPE '\\'` },
    {
      format: 'csv',
      csv: { ...plain, delimiter: ';', nullText: '' },
      options: `FORMAT csv, DELIMITER ';', FORCE_QUOTE *`,
    },
    { format: 'binary', csv: plain, options: 'FORMAT binary' },
  ] as const;

  it.each(forms)('can be read back: $options', async ({ format, csv, options }) => {
    await client.query(`
      DROP TABLE IF EXISTS source, copied; CREATE TABLE source (${shape}); CREATE TABLE copied (${shape});
      INSERT INTO source VALUES
        (1, 'anna.long@secret.example', 'call 4111 1111 1111 1111', '1980-02-03', '{a,"b c",bert@secret.example}', '{"m": "carl@secret.example", "n": 4111111111111111}', 5000.50, '\\x736563726574'),
        (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
        (3, 'a|b;c,d''e"f@g\\h.example', E'tab\\t nl\\n cr\\r bs\\\\ q'' dq" nil', 'infinity', '{NULL,"x\\"y","\\\\"}', '{"a": "b\\nc"}', 'NaN', ''),
        (4, '', 'nil', '2000-01-01', '{}', '"\\\\u"', 0, '\\x00');`);
    const masker = createCopyMasker({
      format,
      csv,
      columns,
      detectors: { email: 'mask', card: 'mask' },
      hashKey: Buffer.alloc(32),
    });
    if (masker === null) throw new Error('nothing to mask');
    const chunks: Buffer[] = [];
    const collect = new Writable({
      write(chunk: Buffer, _encoding, done) {
        for (const byte of chunk) chunks.push(maskChunk(masker, Buffer.from([byte])));
        done();
      },
    });
    await pipeline(client.query(copyTo(`COPY source TO STDOUT (${options})`)), collect);
    chunks.push(maskRest(masker));
    const masked = Buffer.concat(chunks);
    expect(masked.includes('secret.example')).toBe(false);
    const readBack = options.replace(', FORCE_QUOTE *', '');
    await pipeline(Readable.from([masked]), client.query(copyFrom(`COPY copied FROM STDIN (${readBack})`)));
    const { rows } = await client.query(
      'SELECT id, mail, note, born::text, tags, doc, salary, secret FROM copied ORDER BY id',
    );
    const nothing = { born: '2000-01-01', salary: '0', secret: Buffer.alloc(0) };
    expect(rows).toEqual([
      {
        id: 1,
        mail: 'a***@***',
        note: 'call ****1111',
        tags: ['a', 'b c', 'b***@***'],
        doc: { m: 'c***@***', n: '****1111' },
        ...nothing,
      },
      { id: 2, mail: null, note: null, tags: null, doc: null, ...nothing, salary: null },
      {
        id: 3,
        mail: 'a***@***',
        note: 'tab\t nl\n cr\r bs\\ q\' dq" nil',
        tags: [null, 'x"y', '\\'],
        doc: { a: 'b\nc' },
        ...nothing,
      },
      { id: 4, mail: '***', note: 'nil', tags: [], doc: '\\u', ...nothing },
    ]);
  });
});
