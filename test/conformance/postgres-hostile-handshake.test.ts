import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { duplexPair } from '../../src/lib/duplex-pair.js';
import { dialPostgres } from '../../src/protocols/postgres/dial.js';
import { cString, frame, int32 } from '../../src/protocols/postgres/frames.js';
import { greet } from '../../src/protocols/postgres/frontend.js';
import type { TargetConfig } from '../../src/sessions/types.js';
import { honestGreeting, serverWords as server, startPeer, type Peer } from '../support/postgres-peer.js';

let peer: Peer | null = null;
afterEach(async () => {
  await peer?.stop();
  peer = null;
});

const password = 'the target’s own secret';

async function dial(
  greets: (socket: Socket) => void,
  answer: (socket: Socket, payload: Buffer) => void = () => undefined,
  timeoutMs = 60_000,
): Promise<string> {
  peer = await startPeer({
    greet: (socket) => {
      greets(socket);
    },
    answer: (message, socket) => {
      answer(socket, message.payload);
    },
  });
  const target: TargetConfig = {
    name: 'db',
    kind: 'postgres',
    labels: {},
    host: '127.0.0.1',
    port: peer.port,
    database: 'd',
    tls: { mode: 'disable', ca: null },
    username: 'u',
    recording: 'strict',
    readSecret: () => Promise.resolve(password),
  };
  try {
    const dialled = await dialPostgres(target, {
      parameters: new Map(),
      signal: new AbortController().signal,
      timeoutMs,
    });
    dialled.socket.destroy();
    return 'connected';
  } catch (error) {
    expect(String(error)).not.toContain(password);
    expect(error).toMatchObject({ code: 'target_unreachable' });
    return String(error);
  }
}

const sasl = frame('R', int32(10), cString('SCRAM-SHA-256'), Buffer.from([0]));
const scram = (text: string): Buffer => frame('R', int32(11), Buffer.from(text));

describe('a target that is hostile while the gateway logs in', () => {
  it('an honest one is let in', async () => {
    expect(await dial((socket) => socket.write(honestGreeting))).toBe('connected');
  });

  it.each<[string, readonly Buffer[], RegExp]>([
    ['skips authentication', [server.ready], /skipped authentication/],
    ['ends SCRAM without its proof', [sasl, server.authenticationOk, server.ready], /without its proof/],
    [
      'offers no mechanism that is known',
      [frame('R', int32(10), cString('SCRAM-SHA-1'), Buffer.from([0]))],
      /only the SASL mechanism SCRAM-SHA-1; the gateway logs in with SCRAM-SHA-256/,
    ],
    [
      'offers OAuth alone',
      [frame('R', int32(10), cString('OAUTHBEARER'), Buffer.from([0]))],
      /only the SASL mechanism OAUTHBEARER/,
    ],
    [
      'offers words for a mechanism',
      [frame('R', int32(10), cString('<b>call me</b>'), Buffer.from([0]))],
      /offers no SASL mechanism/,
    ],
    ['continues what it never began', [scram('r=x,s=eA==,i=4096')], /method 11/],
    ['asks for Kerberos', [frame('R', int32(7))], /method 7/],
    ['sends an MD5 salt that is too short', [frame('R', int32(5), Buffer.from([1]))], /shorter than its fields/],
    ['lies about a length', [Buffer.concat([Buffer.from('R'), int32(2)])], /invalid message length/],
    ['sends a message of 2 GiB', [Buffer.concat([Buffer.from('S'), int32(0x7fffffff)])], /over the limit/],
    ['sends rows', [server.authenticationOk, server.row('x')], /unexpected message/],
    ['refuses without a SQLSTATE', [server.fields('E', { M: 'role "u" at 10.0.0.7 is bad' })], /no SQLSTATE/],
    ['refuses with a SQLSTATE that is none', [server.fields('E', { C: 'x\u001b[2J', M: 'x' })], /no SQLSTATE/],
    [
      'sends parameters for ever',
      [server.authenticationOk, ...Array.from({ length: 400 }, (_, n) => server.status(`p${n}`, 'v'))],
      /never finishes/,
    ],
  ])('one that %s', async (_what, says, expected) => {
    expect(await dial((socket) => socket.write(Buffer.concat([...says])))).toMatch(expected);
  });

  it.each<[string, readonly Buffer[]]>([
    ['says nothing', []],
    ['stops half way', [server.authenticationOk, Buffer.from('S')]],
  ])('one that %s is given up when its time is over', async (_what, says) => {
    expect(await dial((socket) => socket.write(Buffer.concat([...says])), undefined, 400)).toMatch(/in time/);
  });

  it('one that closes at once', async () => {
    expect(await dial((socket) => void socket.destroy())).toMatch(/closed the connection|ECONNRESET/);
  });

  it.each<[string, (nonce: string) => string, RegExp]>([
    ['does not extend our nonce', () => 'r=other,s=eA==,i=4096', /did not extend our nonce/],
    ['adds nothing to our nonce', (nonce) => `r=${nonce},s=eA==,i=4096`, /did not extend our nonce/],
    ['sends a huge nonce', (nonce) => `r=${nonce}${'x'.repeat(60_000)},s=eA==,i=4096`, /did not extend our nonce/],
    ['asks for a billion rounds', (nonce) => `r=${nonce}x,s=eA==,i=1000000000`, /out of bounds/],
    ['asks for no rounds', (nonce) => `r=${nonce}x,s=eA==,i=0`, /out of bounds/],
    ['asks for half a round', (nonce) => `r=${nonce}x,s=eA==,i=1.5`, /out of bounds/],
    ['leaves the salt out', (nonce) => `r=${nonce}x,i=4096`, /lacks "s"/],
    ['says a thing twice', (nonce) => `r=${nonce}x,r=y,s=eA==,i=4096`, /malformed/],
    ['sends no attributes', () => 'nonsense', /malformed/],
  ])('one that %s', async (_what, first, expected) => {
    const told = await dial(
      (socket) => socket.write(sasl),
      (socket, payload) => {
        const nonce = /r=([^,]+)/.exec(payload.toString())?.[1] ?? '';
        socket.write(scram(first(nonce)));
      },
    );
    expect(told).toMatch(expected);
  });

  it('one that resets the connection while the gateway reckons with the password', async () => {
    const told = await dial(
      (socket) => socket.write(sasl),
      (socket, payload) => {
        const nonce = /r=([^,]+)/.exec(payload.toString())?.[1] ?? '';
        socket.write(scram(`r=${nonce}x,s=eA==,i=100000`), () => socket.resetAndDestroy());
      },
    );
    expect(told).toMatch(/closed the connection|ECONNRESET|EPIPE/);
  });

  it('one that cannot prove that it knows the password', async () => {
    let step = 0;
    const told = await dial(
      (socket) => socket.write(sasl),
      (socket, payload) => {
        const nonce = /r=([^,]+)/.exec(payload.toString())?.[1] ?? '';
        if (step++ === 0) socket.write(scram(`r=${nonce}x,s=eA==,i=4096`));
        else
          socket.write(
            Buffer.concat([
              frame('R', int32(12), Buffer.from(`v=${Buffer.alloc(32).toString('base64')}`)),
              server.authenticationOk,
              server.ready,
            ]),
          );
      },
    );
    expect(told).toMatch(/could not prove/);
  });
});

describe('a client that is slow', () => {
  it('is given up when its time is over, though it sends a byte now and then', async () => {
    const [near, far] = duplexPair();
    const given = new AbortController();
    const greeted = greet(far, given.signal);
    near.write(Buffer.from([0, 0]));
    near.write(Buffer.from([0]));
    given.abort();
    await expect(greeted).rejects.toMatchObject({ code: 'timeout' });
  });

  it('is told that it left when it leaves', async () => {
    const [near, far] = duplexPair();
    const greeted = greet(far, new AbortController().signal);
    near.end(Buffer.from([0, 0]));
    await expect(greeted).rejects.toMatchObject({ code: 'interrupted' });
  });
});
