import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { dialPostgres } from '../src/protocols/postgres/dial.js';
import { cString, frame } from '../src/protocols/postgres/frames.js';
import type { Address } from './pgbench.js';

async function connect(at: Address): Promise<Duplex> {
  const { socket } = await dialPostgres(
    {
      name: 'bench',
      kind: 'postgres',
      labels: {},
      host: '127.0.0.1',
      port: at.port,
      database: at.database,
      tls: { mode: 'disable', ca: null },
      username: at.user,
      recording: 'strict',
      readSecret: () => Promise.resolve(at.password),
    },
    { parameters: new Map(), signal: AbortSignal.timeout(60_000) },
  );
  return socket;
}

/** Opens connections that do nothing. */
export async function openIdle(at: Address, count: number): Promise<{ close(): Promise<void> }> {
  const sockets: Duplex[] = [];
  for (let i = 0; i < count; i++) sockets.push(await connect(at));
  return {
    async close() {
      const closed = sockets.map((socket) => once(socket, 'close'));
      for (const socket of sockets) socket.resume().end(frame('X'));
      await Promise.all(closed);
    },
  };
}

/** Reads a whole result and throws it away; returns milliseconds and bytes from Query to ReadyForQuery. */
export async function drain(at: Address, sql: string): Promise<{ readonly ms: number; readonly bytes: number }> {
  const socket = await connect(at);
  const started = process.hrtime.bigint();
  let bytes = 0;
  let tail = Buffer.alloc(0);
  socket.write(frame('Q', cString(sql)));
  await new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      tail = Buffer.concat([tail, chunk]).subarray(-6);
      // ReadyForQuery is always the last message of a simple query: 'Z', length 5, status.
      if (tail[0] === 0x5a && tail.readInt32BE(1) === 5) resolve();
    });
    socket.on('close', () => reject(new Error(`the connection to port ${at.port} ended early, after ${bytes} bytes`)));
    socket.resume();
  });
  const ms = Number(process.hrtime.bigint() - started) / 1e6;
  socket.end(frame('X'));
  await once(socket, 'close');
  return { ms, bytes };
}

/** A million rows of about 97 bytes on the wire; the second table has the same shape in text with two protected columns. */
export const bulkTables = (rows: number): readonly string[] => [
  `create table bulk as select g::int8 as id, md5(g::text)::uuid as ref, (g % 100000) / 100.0 as amount, '2026-01-01'::timestamptz + g * interval '1 second' as at, g % 7 as kind from generate_series(1, ${rows}) g`,
  `create table bulk_masked as select g::int8 as id, 'user' || g || '@shop.example' as email, '4111 1111 ' || lpad((g % 10000)::text, 4, '0') as card, 'note on order ' || g as note, (g % 100000) / 100.0 as amount from generate_series(1, ${rows}) g`,
  'create table bulk_text as select id, ref::text as ref, note from bulk join (select id as i, note from bulk_masked) n on n.i = id',
];
