import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dialPostgres } from '../../src/protocols/postgres/dial.js';
import { FrameReader } from '../../src/protocols/postgres/frames.js';
import { wire } from '../support/raw-postgres.js';
import { type Address, type OpenGateway, startOpenGateway } from './open-gateway.js';

const tables = 4;
let gateway: OpenGateway;
beforeAll(async () => {
  gateway = await startOpenGateway(['both'], {
    classification:
      'classes: { email: { mask: redact } }\ncolumns: [{ column: "public.*.email", class: email }]\ndetectors: { card: mask, token: mask }\n',
    policies:
      '@id("shown-masked")\npermit (principal, action, resource) unless { action in Action::"reveal" || action in Action::"infer" };\n',
  });
  // Short rows, some of thousands of bytes, and now and then one that takes several reads.
  for (let table = 0; table < tables; table++)
    await gateway.postgres.query(
      `create table t${table} as select n as id, 'someone' || n || '@shop.example' as email,
         repeat(md5((n + ${table})::text), case when n % 997 = 0 then 9000 when n % 101 = 0 then 200 else n % 61 end) as note
       from generate_series(1, 12000) n`,
      'both',
    );
}, 60_000);
afterAll(() => gateway.stop());

/** Digest of the rows that a client gets which stops reading again and again, each time for another while. */
async function rowsOf(address: Address, sql: string, pauseEvery: number): Promise<string> {
  const { port, user, password, database } = address;
  const { socket } = await dialPostgres(
    {
      ...{ name: 'raw', kind: 'postgres', labels: {}, host: '127.0.0.1', port, database, username: user },
      ...{ tls: { mode: 'disable', ca: null }, recording: 'strict', readSecret: () => Promise.resolve(password) },
    },
    { parameters: new Map([['client_encoding', 'UTF8']]), signal: AbortSignal.timeout(60_000) },
  );
  const digest = createHash('sha256');
  const reader = new FrameReader(() => 64 * 1024 * 1024);
  socket.write(wire.query(sql));
  for (let chunks = 1; ; chunks++) {
    socket.resume();
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    socket.pause();
    reader.push(chunk);
    for (let message = reader.next(); message !== null; message = reader.next()) {
      if (message.type === 0x44 || message.type === 0x64) digest.update(message.whole);
      if (message.type === 0x45) throw new Error(message.payload.toString('latin1'));
      if (message.type !== 0x5a) continue;
      socket.destroy();
      return digest.digest('hex');
    }
    // First until all that lies between is full, so that the gateway's writes wait as well.
    if (chunks === 1) await sleep(300);
    else if (chunks % pauseEvery === 0) await sleep(chunks % 5);
  }
}

const select = (columns: string, table: string): string => `select ${columns} from ${table}`;
const copy = (columns: string, table: string): string => `copy (${select(columns, table)}) to stdout`;

it.each([
  ['rows in clear', select, 'id, note', 'id, note'],
  ['masked rows', select, 'id, email, note', "id, '***' as email, note"],
  ['COPY in clear', copy, 'id, note', 'id, note'],
  ['masked COPY', copy, 'id, email, note', "id, '***' as email, note"],
])(
  'gives each of many slow readers its own %s, whole',
  async (_kind, asked, columns, due) => {
    const reading = Array.from({ length: 2 * tables }, async (_, reader) => {
      const table = `t${reader % tables}`;
      const [got, expected] = await Promise.all([
        rowsOf(gateway.through('both'), asked(columns, table), 1 + reader),
        rowsOf(gateway.direct('both'), asked(due, table), 50),
      ]);
      expect(got, table).toBe(expected);
    });
    await Promise.all(reading);
  },
  120_000,
);
