import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeErrorFields } from '../../src/protocols/postgres/errors.js';
import { FieldReader } from '../../src/protocols/postgres/frames.js';
import { type Seen, type RawPostgres, wire } from '../support/raw-postgres.js';
import { sqlStatements, type StatementGroup } from '../support/sql-statements.js';
import { type OpenGateway, rawClient, startOpenGateway } from './open-gateway.js';

const seed = 20_260_101;
const groups = sqlStatements(seed);
const firstUserOid = 16_384;

let gateway: OpenGateway;
let direct: RawPostgres;
let through: RawPostgres;
beforeAll(async () => {
  gateway = await startOpenGateway(['left', 'right']);
  direct = await rawClient(gateway.direct('left'));
  through = await rawClient(gateway.through('right'));
}, 60_000);
afterAll(async () => {
  direct.end();
  through.end();
  await gateway.stop();
});

/** Where the server's own source is, and OIDs of what was made in each database, differ without a difference. */
function comparable(type: number, payload: Buffer): Seen | null {
  const kind = String.fromCharCode(type);
  if (kind === 'S' || kind === 'K') return null;
  if (kind === 'A') return [kind, payload.toString('utf8', 4)];
  if (kind === 'E' || kind === 'N') {
    const fields = [...decodeErrorFields(payload)].filter(([code]) => !'FLRV'.includes(code));
    return [kind, JSON.stringify(fields.toSorted(([a], [b]) => (a < b ? -1 : 1)))];
  }
  if (kind !== 'T') return [kind, payload.toString('latin1')];
  const reader = new FieldReader(payload);
  const columns = Array.from({ length: reader.int16() }, () => {
    const name = reader.string();
    const isOfTable = reader.uint32() !== 0;
    const attribute = reader.int16();
    const type = reader.uint32();
    return [
      name,
      isOfTable,
      attribute,
      type < firstUserOid ? type : 'own',
      reader.int16(),
      reader.int32(),
      reader.int16(),
    ];
  });
  return [kind, JSON.stringify(columns)];
}

const forms: Readonly<Record<string, (text: string) => readonly Buffer[]>> = {
  simple: (text) => [wire.query(text)],
  text: (text) => [wire.parse('', text), wire.describe('S', ''), wire.bind('', ''), wire.execute(''), wire.sync],
  binary: (text) => [
    wire.parse('', text),
    wire.bind('', '', [], true),
    wire.describe('P', ''),
    wire.execute(''),
    wire.sync,
  ],
};

async function answer(client: RawPostgres, messages: readonly Buffer[]): Promise<readonly Seen[]> {
  client.send(...messages);
  return await client.until(1, comparable);
}

/** Bad grammar is told by the parser in the gateway, which gives no hints. */
function withoutHint(seen: readonly Seen[]): readonly Seen[] {
  return seen.map(([type, text]): Seen =>
    type === 'E' && text.includes('"42601"')
      ? [type, text.replace(/\["H","(?:[^"\\]|\\.)*"\],?/, '').replace(',]', ']')]
      : [type, text],
  );
}

async function differences({ statements, extended }: StatementGroup): Promise<readonly unknown[]> {
  const found: unknown[] = [];
  for (const [form, messages] of Object.entries(forms)) {
    if (form !== 'simple' && extended !== true) continue;
    for (const text of statements) {
      const [left, right] = await Promise.all([answer(direct, messages(text)), answer(through, messages(text))]);
      if (JSON.stringify(withoutHint(left)) !== JSON.stringify(withoutHint(right)))
        found.push({ form, text, direct: left, through: right });
    }
  }
  return found;
}

describe('with a policy that permits everything and nothing protected', () => {
  it('compares more than 2,000 statements', () => {
    expect(groups.reduce((count, { statements }) => count + statements.length, 0)).toBeGreaterThan(2_000);
  });

  it.each(groups.map((group) => [group.name, group] as const))(
    '%s: rows, tags, errors and notices are the same as direct',
    { timeout: 60_000 },
    async (_name, group) => {
      expect(await differences(group)).toEqual([]);
    },
  );
});
