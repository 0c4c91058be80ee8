import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frame, int32 } from '../../src/protocols/postgres/frames.js';
import { startEngine, startupPacket, type Journal, type TestEngine } from '../support/engine.js';
import { plainAnswers, startPeer, type Heard, type Peer } from '../support/postgres-peer.js';
import { wire } from '../support/raw-postgres.js';
import { settled, WireClient } from '../support/wire-client.js';
import { allowedOperations, unjudged } from './judged-bytes.js';

let peer: Peer;
let engine: TestEngine;
/** What arrived before the journal said that it may. */
const early: string[] = [];
beforeAll(async () => {
  peer = await startPeer(() => ({
    answer: plainAnswers(),
    onMessage(message, { startup }) {
      const kind = String.fromCharCode(message.type);
      const journal = engine.journals.find(({ session }) => startup.includes(session));
      if (journal === undefined || (kind !== 'Q' && kind !== 'P')) return;
      const text = message.payload
        .toString('utf8')
        .replace(/^sluice_s\d+\0/, '')
        .split('\0')[0];
      const known = allowedOperations(journal.events.slice(0, journal.committed));
      if (!known.some((operation) => operation.text === text)) early.push(`${kind} ${text ?? ''}`);
    },
  }));
  engine = await startEngine(peer.port);
  // Every text is analysed once, so that what follows is quick enough to be waited for.
  const { client, finish } = await open();
  let answers = 1;
  for (const text of [...permitted, ...refused]) {
    client.send(wire.query(text), ...(text.startsWith('copy') ? [wire.copyDone] : []));
    await client.ready(++answers);
  }
  await finish();
});
afterAll(async () => {
  await engine.stop();
  await peer.stop();
});

const permitted = [
  'select id from orders',
  'select id from orders where id = $1',
  'insert into orders (id) values (1)',
  'select email from customers',
  'select 1; select 2',
  'copy notes from stdin',
  'begin',
  '',
  '-- nothing',
];
const refused = [
  'delete from orders',
  'drop table orders',
  'select 1; drop table orders',
  'select 1;;delete from orders -- select',
  'set search_path to evil',
  "set client_encoding to 'LATIN1'",
  'selec',
  'select lo_import($$/etc/passwd$$); delete from notes',
  'fetch all from nothing',
];

interface Session {
  readonly client: WireClient;
  /** Ends the client's side and waits for the gateway's. */
  finish(): Promise<void>;
  readonly journal: Journal;
  /** What the server heard of it. */
  readonly heard: Heard;
}

async function open(): Promise<Session> {
  const number = engine.journals.length;
  const { stream, served } = engine.connect();
  const client = new WireClient(stream);
  client.send(startupPacket());
  await client.ready(1);
  const journal = engine.journals[number];
  const heard = peer.connections.find(({ startup }) => journal !== undefined && startup.includes(journal.session));
  if (journal === undefined || heard === undefined) throw new Error('the session did not start');
  return {
    client,
    journal,
    heard,
    async finish() {
      stream.end();
      await client.until(() => false);
      await served;
    },
  };
}

/** Sends these chunks, waits until nothing moves any more, and holds what the server heard against the journal. */
async function hostile(chunks: readonly Buffer[]): Promise<Session> {
  const session = await open();
  const { client, heard, journal } = session;
  for (const chunk of chunks) client.send(chunk);
  await settled(() => client.received + heard.messages.length + journal.events.length);
  await session.finish();
  expect([...unjudged(heard, journal), ...early]).toEqual([]);
  return session;
}

const texts = fc.constantFrom(...permitted, ...refused);
const names = fc.constantFrom('', 'a', 'b', 'sluice_s1', 'sluice_p1');
const message: fc.Arbitrary<Buffer> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(names, texts, fc.boolean())
      .map(([name, text, sync]) =>
        Buffer.concat([
          wire.parse(name, text),
          wire.bind(name, name, text.includes('$') ? ['1'] : []),
          wire.execute(name),
          ...(sync ? [wire.sync] : []),
        ]),
      ),
  },
  { weight: 4, arbitrary: texts.map((text) => wire.query(text)) },
  { weight: 4, arbitrary: fc.tuple(names, texts).map(([name, text]) => wire.parse(name, text)) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(names, names, fc.boolean())
      .map(([portal, name, one]) => wire.bind(portal, name, one ? ['1'] : [])),
  },
  { weight: 3, arbitrary: names.map((portal) => wire.execute(portal)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('S' as const, 'P' as const), names)
      .map(([kind, name]) => wire.describe(kind, name)),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('S' as const, 'P' as const), names)
      .map(([kind, name]) => wire.close(kind, name)),
  },
  { weight: 6, arbitrary: fc.constant(wire.sync) },
  { weight: 1, arbitrary: fc.constant(wire.flush) },
  { weight: 1, arbitrary: fc.constant(wire.copyData('delete from orders;\n')) },
  { weight: 1, arbitrary: fc.constantFrom(wire.copyDone, wire.copyFail('no')) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      frame('F', int32(1234), Buffer.alloc(8)),
      frame('p', Buffer.from('x\0')),
      frame('R', int32(0)),
      frame('!', Buffer.from('?')),
    ),
  },
);

/** Lengths that decoders have died of. */
const lengths = [0, 1, 2, 3, -1, -2, 0x7fffffff, -0x80000000, 64 * 1024 * 1024 + 5, 65_537, 4, 5];
const wrong = fc.oneof(
  fc.record({ at: fc.nat(), kind: fc.constant('byte' as const), value: fc.nat(255) }),
  fc.record({ at: fc.nat(), kind: fc.constant('length' as const), value: fc.constantFrom(...lengths) }),
  fc.record({ at: fc.nat(), kind: fc.constant('cut' as const), value: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ at: fc.nat(), kind: fc.constant('insert' as const), value: fc.nat() }),
);

function spoil(
  messages: readonly Buffer[],
  faults: readonly { at: number; kind: 'byte' | 'length' | 'cut' | 'insert'; value: number }[],
): Buffer {
  const parts = messages.map((part) => Buffer.from(part));
  for (const { at, kind, value } of faults) {
    const index = at % parts.length;
    const part = parts[index] ?? Buffer.alloc(5);
    if (part.length < 5) continue;
    if (kind === 'length') part.writeInt32BE(value, 1);
    else if (kind === 'byte') part[(at >> 8) % part.length] = value;
    else if (kind === 'cut') parts[index] = part.subarray(0, Math.max(0, part.length - value));
    else parts[index] = Buffer.concat([part, int32(value)]);
  }
  return Buffer.concat(parts);
}

function split(bytes: Buffer, sizes: readonly number[]): readonly Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    if (at >= bytes.length) break;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...chunks, bytes.subarray(at)].filter((chunk) => chunk.length > 0);
}

describe('no byte reaches the target that was not judged', () => {
  it('and the oracle sees what is not: a journal without its decisions', async () => {
    const { heard, journal } = await hostile([
      wire.query('select id from orders'),
      wire.parse('', 'begin'),
      wire.bind('', ''),
      wire.execute(''),
      wire.sync,
    ]);
    const undecided = {
      ...journal,
      session: journal.session,
      committed: 0,
      ended: null,
      events: journal.events.filter(({ type }) => type !== 'decision'),
    };
    expect(unjudged(heard, undecided)).toEqual([
      'query "select id from orders" was not allowed',
      'parse of "begin" was not allowed',
      'bind of "begin" was not allowed',
    ]);
  });

  it('whatever a client pipelines, refused statements among it', async () => {
    let statements = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(message, { minLength: 1, maxLength: 14 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 6 }),
        async (messages, sizes) => {
          const { heard } = await hostile(split(Buffer.concat([...messages, wire.sync]), sizes));
          statements += heard.messages.filter((sent) => sent[0] === 0x51 || sent[0] === 0x50).length;
        },
      ),
      {
        numRuns: 300,
        examples: [
          [
            [
              wire.parse('a', 'select id from orders where id = $1'),
              ...[wire.bind('b', 'a', ['7']), wire.execute('b'), wire.bind('b', 'a', ['8'])],
              ...[wire.parse('', 'select id from orders'), wire.bind('', ''), wire.execute('')],
            ],
            [],
          ],
          [
            [
              ...[wire.parse('a', 'select id from orders'), wire.sync],
              ...[wire.parse('a', 'select id from orders where id = $1'), wire.sync],
              ...[wire.bind('', 'a'), wire.execute('')],
            ],
            [],
          ],
        ],
      },
    );
    expect(statements).toBeGreaterThan(120);
  });

  it('whatever bytes are wrong in it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(message, { minLength: 1, maxLength: 8 }),
        fc.array(wrong, { minLength: 1, maxLength: 3 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 4 }),
        async (messages, faults, sizes) => {
          await hostile(split(spoil(messages, faults), sizes));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('nor any random bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        await hostile([Buffer.from(bytes)]);
      }),
      { numRuns: 40 },
    );
  });

  it.each(
    lengths
      .filter((length) => length < 4 || length > 64 * 1024 * 1024)
      .flatMap((length) => ['Q', 'P', 'B', 'D', 'E', 'S', 'd', 'X', '?'].map((type) => [type, length] as const)),
  )('a message %s of length %i ends the session at once, unread', async (type, length) => {
    const { client, heard } = await hostile([Buffer.concat([Buffer.from(type), int32(length)])]);
    expect(client.types).toMatch(/E$/);
    expect(client.messages.at(-1)?.payload.toString()).toMatch(/FATAL.*(08P01|54000)/s);
    expect(heard.messages.map((sent) => String.fromCharCode(sent[0] ?? 0))).toEqual(['X']);
  });
});

describe('where a client’s bytes are cut makes no difference', () => {
  const session = Buffer.concat([
    wire.query('select id from orders'),
    wire.query('drop table orders'),
    wire.parse('a', 'select id from orders where id = $1'),
    wire.bind('p', 'a', ['7']),
    wire.execute('p'),
    wire.parse('', 'delete from orders'),
    wire.bind('', ''),
    wire.execute(''),
    wire.sync,
    wire.query('copy notes from stdin'),
    wire.copyData('1\tx\n'),
    wire.copyDone,
    wire.close('S', 'a'),
    wire.sync,
  ]);
  const answers = 5;

  async function play(chunks: readonly Buffer[]): Promise<string> {
    const { client, finish, heard, journal } = await open();
    for (const chunk of chunks) {
      client.send(chunk);
      await settled(() => client.received, 1);
    }
    await client.ready(1 + answers);
    await finish();
    expect([...unjudged(heard, journal), ...early]).toEqual([]);
    return `${client.types} ← ${heard.messages.map((one) => one.toString('latin1')).join('')}`;
  }

  it('at every byte, and one byte at a time', async () => {
    const whole = await play([session]);
    for (let at = 1; at < session.length; at++) {
      const cut = await play([session.subarray(0, at), session.subarray(at)]);
      expect(transcript(cut), `cut at ${at}`).toBe(transcript(whole));
    }
    expect(transcript(await play([...session].map((byte) => Buffer.from([byte]))))).toBe(transcript(whole));
  });

  /** How many hidden messages are needed may depend on what is in flight; what the client sees and what runs may not. */
  function transcript(played: string): string {
    const [seen = '', heard = ''] = played.split(' ← ');
    return `${seen} | ${[...heard.matchAll(/select id from orders(?: where id = \$1)?|drop|delete|copy notes from stdin|1\tx\n/g)].join(' | ')}`;
  }
});

describe('before a session starts', () => {
  it.each([
    ['SSLRequest with plaintext behind it', Buffer.concat([int32(8), int32(80877103), startupPacket()])],
    ['GSSENCRequest with plaintext behind it', Buffer.concat([int32(8), int32(80877104), Buffer.from('x')])],
    ['five requests for encryption', Buffer.concat([int32(8), int32(80877103)])],
    ['a startup packet of 2 GiB', int32(0x7fffffff)],
    ['a negative length', int32(-5)],
    ['a packet too short for a version', int32(4)],
    ['version 2', Buffer.concat([int32(8), int32(0x20000)])],
    ['a parameter without an end', Buffer.concat([int32(14), int32(196_608), Buffer.from('user\0a')])],
    ['bytes behind the parameters', Buffer.concat([int32(18), int32(196_608), Buffer.from('user\0a\0\0xy')])],
    ['messages behind the startup packet', Buffer.concat([startupPacket(), wire.query('select 1')])],
    ['a setting that is not on the list', startupPacket({ user: 'ada', search_path: 'evil' })],
    ['another encoding', startupPacket({ user: 'ada', client_encoding: 'LATIN1' })],
    ['replication', startupPacket({ user: 'ada', replication: 'database' })],
    ['options of the command line', startupPacket({ user: 'ada', options: '-c search_path=evil' })],
    ['a parameter given twice', Buffer.concat([int32(26), int32(196_608), Buffer.from('user\0a\0user\0root\0\0')])],
  ])('%s is refused, and the target is not even dialled', async (name, bytes) => {
    const dialled = peer.connections.length;
    const { stream, served } = engine.connect();
    let received = Buffer.alloc(0);
    stream.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
    const repeats = name.startsWith('five') ? 5 : 1;
    for (let count = 0; count < repeats; count++) {
      stream.write(bytes);
      await settled(() => received.length, 3);
    }
    await settled(() => received.length);
    stream.end();
    await served;
    expect(received.toString('latin1').replace(/^N*/, '')).toMatch(/^E.*FATAL/s);
    expect(peer.connections.slice(dialled).flatMap(({ messages }) => messages)).toEqual([]);
  });
});
