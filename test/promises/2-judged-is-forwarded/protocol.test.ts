import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cString, frame, int32 } from '../../../src/protocols/postgres/frames.js';
import { wire } from '../../support/raw-postgres.js';
import { isRefused, play } from '../support/attack.js';
import { openLab, type Lab } from '../support/lab.js';
import { targetOf, textOf, WireSession } from '../support/wire-session.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

const drop = 'drop table archive';
const bytes = (...parts: readonly (Buffer | string)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
const raw = (type: string, length: number, payload: string): Buffer => bytes(type, int32(length), payload);

async function unchanged(run: () => Promise<void>): Promise<void> {
  await lab.enter(0);
  const before = await lab.fingerprint();
  await run();
  expect(await lab.fingerprint()).toBe(before);
}

/** Sends bytes on a new connection and gives what came until it ended. */
async function answerTo(...parts: readonly Buffer[]): Promise<Buffer> {
  return await answerOf(lab.insiderUri, ...parts);
}

async function answerOf(uri: string, ...parts: readonly Buffer[]): Promise<Buffer> {
  const { host, port } = targetOf(uri);
  const socket = connect({ host, port });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(Buffer.concat(parts));
  const timer = setTimeout(() => socket.destroy(), 3_000);
  await once(socket, 'close');
  clearTimeout(timer);
  return Buffer.concat(chunks);
}

const startup = (...pairs: readonly string[]): Buffer => startupOf(196608, pairs);
const startupOf = (version: number, pairs: readonly string[]): Buffer => {
  const body = bytes(int32(version), ...pairs.map((text) => cString(text)), '\0');
  return bytes(int32(body.length + 4), body);
};

describe('a message that two readers could read differently', () => {
  it.each([
    ['length 0', raw('Q', 0, `${drop}\0`)],
    ['length 3', raw('Q', 3, `${drop}\0`)],
    ['length 4', raw('Q', 4, `${drop}\0`)],
    ['length -1', raw('Q', -1, `${drop}\0`)],
    ['length 2^31 - 1', raw('Q', 2_147_483_647, `${drop}\0`)],
    [
      'a length that hides a second message',
      raw('Q', 4 + 9, `select 1\0${frame('Q', cString(drop)).toString('latin1')}`),
    ],
    ['a second text behind the terminator', raw('Q', 4 + 9 + drop.length + 1, `select 1\0${drop}\0`)],
    ['no terminator', raw('Q', 4 + drop.length, drop)],
    ['invalid UTF-8', frame('Q', bytes('select 1 -- \xff\n;', drop, '\0'))],
    ['an overlong quote', frame('Q', bytes("select '\xc0\xa7; ", drop, "; --'\0"))],
    ['a surrogate', frame('Q', bytes("select '\xed\xa0\x80'; ", drop, '\0'))],
    ['an SJIS backslash', frame('Q', bytes("select '\x83\x5c'; ", drop, "; --'\0"))],
    ['an unknown message', bytes(raw('z', 4, ''), frame('Q', cString(drop)))],
    ['a startup packet in the session', bytes(startup('user', 'x'), frame('Q', cString(drop)))],
    ['an SSLRequest in the session', bytes(int32(8), int32(80877103), frame('Q', cString(drop)))],
    ['Parse with junk behind', frame('P', bytes('\0select 1\0', '\0\0', drop, '\0'))],
    ['Parse with a negative number of types', frame('P', bytes('\0select 1\0', '\xff\xff'))],
    [
      'Bind with junk behind',
      bytes(wire.parse('', 'select 1'), frame('B', bytes('\0\0', '\0\0', '\0\0', '\0\0', 'junk')), wire.sync),
    ],
    [
      'Bind with a value that ends beyond',
      bytes(
        wire.parse('', 'select $1'),
        frame('B', bytes('\0\0', '\0\0', '\0\x01', '\x7f\xff\xff\xff', 'x')),
        wire.sync,
      ),
    ],
    ['Describe of neither', frame('D', bytes('X\0'))],
    [
      'FunctionCall of a function with an effect',
      bytes(frame('F', bytes(int32(3291), '\0\0', '\0\0', '\0\0')), wire.query('select 1')),
    ],
    ['CopyData outside of COPY', bytes(wire.copyData(drop), wire.copyDone, frame('Q', cString(drop)))],
  ])('does nothing: %s', async (_name, message) => {
    await unchanged(async () => {
      const session = await WireSession.open(lab.insiderUri);
      session.send(message);
      const transcript = await session.until(1, 1_000);
      expect(textOf(transcript)).not.toMatch(/^C DROP/m);
      session.close();
    });
  });

  it.each([
    ['COPY with a Sync in the middle', ['Q', 'd', 'S', 'Q', 'c']],
    ['COPY with a Query in the middle', ['Q', 'd', 'Q']],
    ['COPY with an end of its data in the middle', ['Q', 'end', 'rest', 'c']],
  ])('does nothing: %s', async (_name, order) => {
    await unchanged(async () => {
      const session = await WireSession.open(lab.insiderUri);
      const parts: Record<string, Buffer> = {
        d: wire.copyData('x\ty\n'),
        end: wire.copyData('x\ty\n\\.\n'),
        rest: wire.copyData(`x\t${drop};\n`),
        S: wire.sync,
        c: wire.copyDone,
      };
      session.send(wire.query('copy archive (name, note) from stdin'));
      session.send(...order.slice(1).map((key) => parts[key] ?? wire.query(drop)));
      const transcript = await session.until(2, 1_000);
      expect(textOf(transcript)).not.toMatch(/^C DROP/m);
      session.close();
      // What is left of a COPY ends with its session, or is there by then.
      await lab.deserted();
      await lab.direct('delete from archive where id is null');
    });
  });

  it.each([
    ['the data of each', [wire.copyData('71\tx\ty\n'), wire.copyDone, wire.copyData('72\tx\ty\n'), wire.copyDone], 2],
    ['a Query in the place of the second', [wire.copyDone, wire.query(drop)], 1],
  ])('takes two COPYs of one Query one after the other: %s', async (_name, messages, ready) => {
    const session = await WireSession.open(lab.trustedUri ?? '');
    session.send(
      wire.query('copy archive from stdin; copy archive from stdin'),
      ...messages,
      wire.query('select 7 as seven'),
    );
    const text = textOf(await session.until(ready));
    expect(text).not.toMatch(/^C DROP/m);
    if (ready === 2) expect(text).toMatch(/^C COPY 1[^]*^C COPY 1[^]*^C SELECT 1/m);
    else expect(text).toMatch(/^C COPY 0[^]*^E .*during COPY/m);
    session.close();
    await lab.deserted();
    await lab.direct('delete from archive where id > 70');
  });

  it('does nothing: a pipeline of a thousand denials', async () => {
    await unchanged(async () => {
      const session = await WireSession.open(lab.insiderUri);
      const one = [wire.parse('', drop), wire.bind('', ''), wire.execute(''), wire.sync];
      session.send(...Array.from({ length: 1000 }, () => one).flat());
      const { messages } = await session.until(1000, 20_000);
      expect(messages.filter(({ type }) => type === 'E')).toHaveLength(1000);
      session.close();
    });
  });
});

describe('a text that the parser cannot take', () => {
  it.each([
    ['a long chain of ||', `select ${Array.from({ length: 12_000 }, () => "'a'").join('||')}`],
    ['deep parentheses', `select ${'('.repeat(20_000)}1${')'.repeat(20_000)}`],
    ['deep subqueries', `select ${'(select '.repeat(3_000)}1${')'.repeat(3_000)}`],
    ['a long chain of and', `select ${Array.from({ length: 30_000 }, () => 'true').join(' and ')}`],
    ['deep arrays', `select ${'array['.repeat(5_000)}1${']'.repeat(5_000)}`],
    ['many casts', `select 1${'::int'.repeat(20_000)}`],
    ['many nots', `select ${'not '.repeat(20_000)} true`],
    ['deep comments', `${'/*'.repeat(20_000)}${'*/'.repeat(20_000)} select 1`],
    ['two megabytes', `select '${'x'.repeat(2_000_000)}'`],
  ])('is refused or answered, and harms nobody: %s', async (_name, sql) => {
    await unchanged(async () => {
      const played = await play(lab.insiderUri, [sql, 'select 1', `${sql}; ${drop}`, drop]);
      expect(played.text).not.toMatch(/^C DROP/m);
      const other = await play(lab.insiderUri, ['select ssn from users where id = 1', 'select 1 as one']);
      expect(other.text).toContain('****7W93');
      expect(isRefused(other)).toBe(false);
    });
  });
});

describe('the start of a connection', () => {
  it.each([
    ['replication', { replication: 'database' }],
    ['physical replication', { replication: 'true' }],
    ['options', { options: '-c standard_conforming_strings=off' }],
    ['options with two dashes', { options: '--search_path=pg_temp' }],
    ['client_encoding', { client_encoding: 'SJIS' }],
    ['standard_conforming_strings', { standard_conforming_strings: 'off' }],
    ['search_path', { search_path: 'pg_temp' }],
    ['role', { role: 'pg_read_all_settings' }],
    ['session_replication_role', { session_replication_role: 'replica' }],
    ['a name in another case', { Search_Path: 'pg_temp' }],
    ['a parameter of nobody', { 'a.b': 'c' }],
  ])('with %s is refused, though the server takes it', async (_name, settings) => {
    (await WireSession.open(lab.directUri, settings)).close();
    await expect(WireSession.open(lab.insiderUri, settings)).rejects.toThrow();
  });

  it.each([
    ['3.2', 196610, []],
    ['3.9999', 206607, []],
    ['an extension', 196608, ['_pq_.nothing', 'x']],
  ])('with %s goes on with what there is, named as the server names it', async (_name, version, more) => {
    const sent = startupOf(version, ['user', 'sluice', 'database', 'lab', ...more]);
    const [direct, through] = await Promise.all([answerOf(lab.directUri, sent), answerOf(lab.insiderUri, sent)]);
    const negotiated = (answer: Buffer): Buffer => answer.subarray(0, 1 + answer.readInt32BE(1));
    // From 18 on the server itself speaks 3.2, which the gateway does not.
    const own = Number((await lab.direct('show server_version_num'))[0]?.['server_version_num']) >= 180_000;
    expect(negotiated(through).toString('latin1', 0, 1)).toBe('v');
    expect(negotiated(through).readInt32BE(5)).toBe(196_608);
    if (own) return;
    expect(negotiated(through).toString('hex')).toBe(negotiated(direct).toString('hex'));
  });

  it('goes on with the settings that are pinned', async () => {
    const session = await WireSession.open(lab.insiderUri);
    expect(session.parameters.get('client_encoding')).toBe('UTF8');
    expect(session.parameters.get('standard_conforming_strings')).toBe('on');
    session.close();
  });

  it.each([
    ['a key given twice', () => [startup('user', 'sluice', 'database', 'lab', 'user', 'lab_owner')]],
    ['a query before the login', () => [startup('user', 'sluice', 'database', 'lab'), wire.query(drop)]],
    ['a query in place of the login', () => [wire.query(drop)]],
    ['bytes behind SSLRequest', () => [bytes(int32(8), int32(80877103)), startup('user', 'sluice'), wire.query(drop)]],
    [
      'bytes behind GSSENCRequest',
      () => [bytes(int32(8), int32(80877104)), startup('user', 'sluice'), wire.query(drop)],
    ],
    ['an old protocol', () => [bytes(int32(8), int32(131072))]],
    ['a short packet', () => [bytes(int32(4))]],
    ['a huge packet', () => [bytes(int32(2_147_483_647), int32(196608))]],
    [
      'an empty password',
      () => [startup('user', 'sluice', 'database', 'lab'), frame('p', cString('')), wire.query(drop)],
    ],
  ])('with %s lets nobody in', async (_name, parts) => {
    await unchanged(async () => {
      const answer = (await answerTo(...parts())).toString('latin1');
      expect(answer).not.toContain('server_version');
      expect(answer).not.toMatch(/DROP TABLE/);
    });
  });
});

describe('a CancelRequest', () => {
  it('with a guessed key cancels nothing', async () => {
    const session = await WireSession.open(lab.insiderUri);
    session.send(wire.query('select pg_sleep(1)'));
    for (let guess = 0; guess < 20; guess++)
      await answerTo(bytes(int32(16), int32(80877102), int32(guess), int32(guess)));
    expect(textOf(await session.until(1))).toContain('C SELECT 1');
    session.close();
  });
});

describe('a parameter of a type that calls functions', () => {
  it('is refused, because reading it is the call', async () => {
    const [found] = await lab.direct(
      "select 'marked'::regtype::oid::int as oid, 'marked_pair'::regtype::oid::int as pair",
    );
    for (const [oid, value] of [
      [Number(found?.['oid']), 'x'],
      [Number(found?.['pair']), '(x,1)'],
    ] as const) {
      await lab.enter(0);
      const script = {
        messages: [wire.parse('', 'select $1', [oid]), wire.bind('', '', [value]), wire.execute(''), wire.sync],
        ready: 1,
      };
      const before = await lab.fingerprint();
      await play(lab.directUri, script);
      expect(await lab.fingerprint(), 'the control changes nothing').not.toBe(before);
      await unchanged(async () => {
        expect(isRefused(await play(lab.insiderUri, script))).toBe(true);
      });
    }
  });
});
