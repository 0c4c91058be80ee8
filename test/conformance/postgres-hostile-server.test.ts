import type { Socket } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cString, frame, int16, int32 } from '../../src/protocols/postgres/frames.js';
import { startEngine, startupPacket, type TestEngine } from '../support/engine.js';
import { plainAnswers, serverWords as server, startPeer, type Peer } from '../support/postgres-peer.js';
import { wire } from '../support/raw-postgres.js';
import { settled, WireClient } from '../support/wire-client.js';

/** What the server says to the client's first message of the session that is under test; null: it behaves. */
let reply: ((socket: Socket) => void) | null = null;
let peer: Peer;
let engine: TestEngine;
beforeAll(async () => {
  peer = await startPeer(() => {
    const plain = plainAnswers();
    return {
      answer(message, socket) {
        const said = reply;
        const asks = message.type === 0x51 || message.type === 0x53;
        if (said === null || message.type === 0x58) plain(message, socket);
        else if (asks) {
          reply = null;
          said(socket);
        }
      },
    };
  });
  engine = await startEngine(peer.port);
  await session(
    () => undefined,
    [],
    (client) => Promise.resolve(client),
  );
});
afterAll(async () => {
  await engine.stop();
  await peer.stop();
});

const secret = 'ada.lovelace@secret.example';
const simple = [wire.query('select email from customers')];
const extended = [wire.parse('', 'select email from customers'), wire.bind('', ''), wire.execute(''), wire.sync];

/** One session whose server answers `sent` like this; the client waits as told, then leaves, and the session must end. */
async function session(
  says: ((socket: Socket) => void) | readonly Buffer[],
  sent: readonly Buffer[],
  wait: (client: WireClient) => Promise<unknown>,
): Promise<{ readonly client: WireClient; readonly ended: string }> {
  reply = null;
  const { stream, served } = engine.connect();
  const client = new WireClient(stream);
  client.send(startupPacket());
  await client.ready(1);
  reply = typeof says === 'function' ? says : (socket) => socket.write(Buffer.concat([...says]));
  client.send(...sent);
  await wait(client);
  reply = null;
  stream.end();
  await served;
  return { client, ended: engine.journals.at(-1)?.ended ?? '' };
}

/** RowDescription of columns of the shop's own table. */
const described = (table: string, ...columns: readonly (readonly [string, number])[]): Buffer =>
  frame(
    'T',
    int16(columns.length),
    ...columns.flatMap(([name, attribute]) => [
      cString(name),
      int32(engine.oidOf(table)),
      int16(attribute),
      int32(25),
      int16(-1),
      int32(-1),
      int16(0),
    ]),
  );
const emailColumn = (): Buffer => described('customers', ['email', 3]);
const rowOf = (...lengthsAndBytes: readonly Buffer[]): Buffer => frame('D', ...lengthsAndBytes);

describe('a server that breaks the protocol', () => {
  const cases: readonly (readonly [string, () => readonly Buffer[]])[] = [
    ['a message of length 0', () => [Buffer.from('T'), int32(0)]],
    ['a message of length 3', () => [Buffer.from('D'), int32(3)]],
    ['a message of length -1', () => [Buffer.from('C'), int32(-1)]],
    ['a message of length 2^31 - 1', () => [Buffer.from('D'), int32(0x7fffffff)]],
    ['a message of length -2^31', () => [Buffer.from('D'), int32(-0x80000000)]],
    ['rows that it did not describe', () => [server.row(secret), server.complete('SELECT 1'), server.ready]],
    ['a description that is too short', () => [frame('T', int16(2), cString('email')), server.row(secret)]],
    ['a description of a negative number of columns', () => [frame('T', int16(-1)), server.row(secret)]],
    [
      'a description with bytes behind it',
      () => [Buffer.concat([frame('T', int16(0), Buffer.from('x'))]), server.row(secret)],
    ],
    [
      'a column in an unknown format',
      () => [
        frame('T', int16(1), cString('x'), int32(0), int16(0), int32(25), int16(-1), int32(-1), int16(7)),
        server.row(secret),
      ],
    ],
    ['a row with fewer columns than described', () => [emailColumn(), rowOf(int16(0)), server.row(secret)]],
    ['a row with more columns than described', () => [emailColumn(), server.row('x', secret)]],
    ['a row whose value runs over its end', () => [emailColumn(), rowOf(int16(1), int32(9_999), Buffer.from(secret))]],
    ['a row with a negative length', () => [emailColumn(), rowOf(int16(1), int32(-2), Buffer.from(secret))]],
    ['a row with bytes behind it', () => [emailColumn(), rowOf(int16(1), int32(-1), Buffer.from(secret))]],
    [
      'CopyOutResponse to a SELECT',
      () => [frame('H', Buffer.from([0]), int16(1), int16(0)), frame('d', Buffer.from(secret))],
    ],
    ['CopyData out of nowhere', () => [frame('d', Buffer.from(secret))]],
    ['CopyDone out of nowhere', () => [frame('c')]],
    ['CopyInResponse to a SELECT', () => [frame('G', Buffer.from([0]), int16(0))]],
    ['CopyBothResponse', () => [frame('W', Buffer.from([0]), int16(0)), frame('d', Buffer.from(secret))]],
    ['FunctionCallResponse', () => [frame('V', int32(secret.length), Buffer.from(secret))]],
    ['an authentication request in mid-session', () => [frame('R', int32(3))]],
    ['BackendKeyData in mid-session', () => [server.keys]],
    ['NegotiateProtocolVersion in mid-session', () => [frame('v', int32(0), int32(0))]],
    ['a message of no known type', () => [frame('!', Buffer.from(secret))]],
    ['ParseComplete that nobody asked for', () => [server.parseComplete]],
    ['BindComplete that nobody asked for', () => [server.bindComplete]],
    ['CloseComplete that nobody asked for', () => [server.closeComplete]],
    ['PortalSuspended in a simple query', () => [emailColumn(), frame('s')]],
    ['ParameterDescription that nobody asked for', () => [frame('t', int16(0))]],
    ['NoData that nobody asked for', () => [server.noData]],
    [
      'more results than there are statements',
      () => [emailColumn(), server.complete('SELECT 0'), server.complete('SELECT 0'), server.complete('SELECT 0')],
    ],
    ['two ReadyForQuery', () => [emailColumn(), server.complete('SELECT 0'), server.ready, server.ready]],
    [
      'ReadyForQuery of a status that does not exist',
      () => [emailColumn(), server.complete('SELECT 0'), frame('Z', Buffer.from('Q'))],
    ],
    ['ReadyForQuery without a status', () => [emailColumn(), server.complete('SELECT 0'), frame('Z')]],
    ['another encoding', () => [server.status('client_encoding', 'LATIN1')]],
    ['other rules for strings', () => [server.status('standard_conforming_strings', 'off')]],
    ['another role', () => [server.status('session_authorization', 'postgres')]],
    ['a ParameterStatus without an end', () => [frame('S', Buffer.from('TimeZone'))]],
    ['a NotificationResponse that is too short', () => [frame('A', int32(1), cString('x'))]],
  ];
  it.each(cases)('%s: the session ends, and says so', async (_name, says) => {
    const { client, ended } = await session(says(), simple, (client) => client.until(() => false));
    expect(client.types).toMatch(/E$/);
    expect(client.messages.at(-1)?.payload.toString()).toMatch(/FATAL/);
    expect(client.left).toBe(0);
    expect(ended).toMatch(/^ended by gateway/);
    expect(JSON.stringify(client.messages.map(({ payload }) => payload.toString('latin1')))).not.toContain(secret);
  });

  it.each([
    ['results before ParseComplete', () => [emailColumn(), server.row(secret)]],
    ['ReadyForQuery before anything else', () => [server.ready]],
    ['CommandComplete before ParseComplete', () => [server.complete('SELECT 1')]],
    ['rows after NoData', () => [server.parseComplete, server.bindComplete, server.noData, server.row(secret)]],
    [
      'rows after an error',
      () => [server.fields('E', { S: 'ERROR', C: '22012', M: 'x' }), emailColumn(), server.row(secret)],
    ],
    ['rows with no description between', () => [server.parseComplete, server.bindComplete, server.row(secret)]],
  ] as const)('in the extended protocol, %s: the session ends', async (_name, says) => {
    const { client, ended } = await session(says(), extended, (client) => client.until(() => false));
    expect(client.messages.at(-1)?.payload.toString()).toMatch(/FATAL/);
    expect(ended).toMatch(/^ended by gateway/);
    expect(JSON.stringify(client.messages.map(({ payload }) => payload.toString('latin1')))).not.toContain(secret);
  });

  it('hides a protected column by its origin, whatever the server calls it', async () => {
    const says = [
      described('customers', ['harmless', 3]),
      server.row(secret),
      server.complete('SELECT 1'),
      server.ready,
    ];
    const { client } = await session(says, simple, (seen) => seen.ready(2));
    expect(client.types).toMatch(/TDCZ$/);
    expect(client.messages.find(({ type }) => type === 'D')?.payload.toString()).toContain('a***@***');
    expect(JSON.stringify(client.messages.map(({ payload }) => payload.toString('latin1')))).not.toContain(secret);
  });

  it('ends the session when a column comes from a protected one although the statement does not', async () => {
    const says = [described('customers', ['id', 3]), server.row(secret), server.complete('SELECT 1'), server.ready];
    const { client, ended } = await session(says, [wire.query('select id from orders')], (seen) =>
      seen.until(() => false),
    );
    expect(ended).toContain('masking disagreement');
    expect(client.types).not.toContain('D');
  });

  it.each([
    ['an error without a SQLSTATE', server.fields('E', { M: secret })],
    ['an error without fields', frame('E', Buffer.from([0]))],
    ['an error without an end', frame('E', Buffer.from(`M${secret}\0`))],
    [
      'an error with a SQLSTATE of its own making',
      server.fields('E', {
        S: 'ERROR',
        V: 'ERROR',
        C: 'SECRE',
        M: secret,
        D: secret,
        H: secret,
        W: secret,
        t: secret,
        n: secret,
      }),
    ],
    [
      'a notice with everything in it',
      Buffer.concat([
        server.fields('N', { S: secret, V: 'NOTICE', C: 'ABCDE', M: secret, q: secret }),
        server.fields('E', { S: 'ERROR' }),
      ]),
    ],
  ])('%s is told without what it could hold; the session lives', async (_name, said) => {
    const { client } = await session([said, server.ready], simple, (seen) => seen.ready(2));
    expect(client.types).toMatch(/EZ$/);
    const error = client.messages.findLast(({ type }) => type === 'E')?.payload.toString() ?? '';
    expect(error).toMatch(/C[0-9A-Z]{5}\0/);
    expect(JSON.stringify(client.messages.map(({ payload }) => payload.toString('latin1')))).not.toContain(secret);
  });

  it('passes on a message that comes byte by byte', async () => {
    const bytes = Buffer.concat([
      emailColumn(),
      server.row(secret),
      server.row('b@c.example'),
      server.complete('SELECT 2'),
      server.ready,
    ]);
    const { client } = await session(
      (socket) => bytes.forEach((byte) => void socket.write(Buffer.from([byte]))),
      simple,
      (seen) => seen.ready(2),
    );
    expect(client.types).toMatch(/TDDCZ$/);
    expect(client.messages.at(-3)?.payload.toString()).not.toContain('b@c');
  });

  it('stops reading from a server that never stops sending notices to a client that does not read', async () => {
    const notice = server.fields('N', { S: 'NOTICE', V: 'NOTICE', C: '00000', M: 'x'.repeat(60_000) });
    let written = 0;
    const { stream, served } = engine.connect();
    const client = new WireClient(stream);
    client.send(startupPacket());
    await client.ready(1);
    stream.pause();
    reply = (socket) => {
      const more = (): void => {
        while (written < 400_000_000 && !socket.destroyed) {
          written += notice.length;
          if (!socket.write(notice)) return void socket.once('drain', more);
        }
      };
      more();
    };
    client.send(wire.query('select id from orders'));
    await expect.poll(() => written, { timeout: 60_000 }).toBeGreaterThan(60_000);
    await settled(() => written, 100);
    expect(written).toBeLessThan(40_000_000);
    stream.destroy();
    await served;
  });

  it('whatever bytes it sends: what reaches the client is whole messages, and the session ends when the client leaves', async () => {
    const word = fc.constantFrom<readonly (() => Buffer)[]>([]).chain(() =>
      fc.oneof(
        fc.constantFrom(
          server.parseComplete,
          server.bindComplete,
          server.closeComplete,
          server.noData,
          server.ready,
          server.row(secret),
          server.row(),
          server.complete('SELECT 1'),
          server.complete(''),
          frame('I'),
          frame('s'),
          frame('c'),
          server.columns('a'),
          server.columns('a', 'b'),
          server.fields('E', { S: 'ERROR', C: '22012', M: secret }),
          server.fields('N', { C: '00000', M: secret }),
          server.status('TimeZone', 'UTC'),
          frame('G', Buffer.from([0]), int16(0)),
          frame('H', Buffer.from([0]), int16(1), int16(0)),
          frame('d', Buffer.from(secret)),
        ),
        fc
          .tuple(fc.nat(255), fc.integer(), fc.uint8Array({ maxLength: 20 }))
          .map(([type, length, rest]) => Buffer.concat([Buffer.from([type]), int32(length), Buffer.from(rest)])),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 10 }), fc.boolean(), async (words, isSimple) => {
        const { client, ended } = await session(words, isSimple ? simple : extended, (seen) =>
          settled(() => seen.received, 6),
        );
        expect(client.left).toBe(0);
        expect(ended).not.toBe('');
        expect(
          client.messages.filter(({ type }) => type === 'D').every(({ payload }) => !payload.includes(secret)),
        ).toBe(true);
      }),
      { numRuns: 150 },
    );
  });
});
