import { randomBytes } from 'node:crypto';
import { once, setMaxListeners } from 'node:events';
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { duplexPair } from '../../../src/lib/duplex-pair.js';
import {
  encodeFrame,
  encodeHead,
  FrameDecoder,
  maxDataBytes,
  type RelayFrame,
  windowBytes,
} from '../../../src/relay/frames.js';
import { RelayLink, type StreamRequest } from '../../../src/relay/link.js';

const never = new AbortController().signal;
setMaxListeners(0, never);
const db = { host: 'db.internal', port: 5432 };

/** A gateway's and a relay's end of one connection; what the relay accepted comes out of `accepted`. */
function linked(onRequest: (request: StreamRequest) => void) {
  const [near, far] = duplexPair();
  const gateway = new RelayLink({ side: 'gateway', transport: near });
  const relay = new RelayLink({ side: 'relay', transport: far, onRequest });
  return { gateway, relay };
}

/** Not `once`, which a stream that closes with an error rejects. */
const closed = (stream: Duplex): Promise<unknown> => new Promise((resolve) => stream.once('close', resolve));

async function allOf(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A link whose other side is written by hand. */
function facing(side: 'gateway' | 'relay', onRequest: (request: StreamRequest) => void = () => undefined) {
  const [near, far] = duplexPair();
  const link = new RelayLink({ side, transport: near, onRequest });
  const heard: RelayFrame[] = [];
  const decoder = new FrameDecoder();
  far.on('data', (chunk: Buffer) => heard.push(...decoder.push(chunk)));
  far.on('error', () => undefined);
  const say = (...frames: readonly RelayFrame[]): void => {
    far.write(Buffer.concat(frames.map(encodeFrame)));
  };
  return { link, far, heard, say };
}

describe('a relay connection', () => {
  it('carries a hundred streams at once, each byte for byte, with its own end', async () => {
    const { gateway, relay } = linked((request) => {
      const stream = request.accept();
      stream.pipe(stream); // an echo
    });
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const sent = randomBytes(1 + index * 7_001);
        const stream = await gateway.open(db, never);
        stream.end(sent);
        expect((await allOf(stream)).equals(sent)).toBe(true);
      }),
    );
    expect([gateway.streams, relay.streams]).toEqual([0, 0]);
    gateway.destroy(new Error('done'));
    await relay.closed;
  });

  it('holds a sender to the window while nobody reads, and lets other streams by', async () => {
    const accepted: Duplex[] = [];
    const { gateway } = linked((request) => {
      const stream = request.accept();
      accepted.push(stream);
      if ('port' in request.wanted && request.wanted.port === 2) stream.pipe(stream);
    });
    const stuck = await gateway.open({ host: 'slow', port: 1 }, never);
    stuck.write(Buffer.alloc(8 * windowBytes, 1));
    const lively = await gateway.open({ host: 'lively', port: 2 }, never);
    lively.end(Buffer.alloc(3 * windowBytes, 2));
    expect((await allOf(lively)).length).toBe(3 * windowBytes);
    expect(gateway.bytes).toBeLessThanOrEqual(windowBytes + 6 * windowBytes);
    const drained = once(stuck, 'drain');
    accepted[0]?.resume();
    await drained;
    gateway.destroy(new Error('done'));
  });

  it('says why it does not open a stream', async () => {
    const { gateway } = linked((request) => request.refuse('not allowed', 'its allowlist does not name it'));
    await expect(gateway.open(db, never)).rejects.toMatchObject({
      reason: 'not allowed',
      text: 'its allowlist does not name it',
    });
  });

  it('tells the relay when a stream that is not open yet is given up', async () => {
    const given = new AbortController();
    const gone = new Promise<void>((resolve) => {
      const { gateway } = linked((request) => {
        request.signal.addEventListener('abort', () => resolve());
        given.abort(new Error('enough'));
      });
      gateway.open(db, given.signal).catch(() => undefined);
    });
    await gone;
  });

  it('resets the other end of a stream that is destroyed, and ends every stream with the connection', async () => {
    const accepted: Duplex[] = [];
    const { gateway, relay } = linked((request) => {
      const stream = request.accept();
      accepted.push(stream);
    });
    const first = await gateway.open(db, never);
    const second = await gateway.open(db, never);
    first.destroy();
    if (accepted[0] !== undefined) await closed(accepted[0]);
    const lost = closed(second);
    relay.destroy(new Error('killed'));
    await lost;
    expect(second.errored).not.toBeNull();
    await expect(gateway.open(db, never)).rejects.toThrow();
  });

  it('ends a connection that has been silent for too long', async () => {
    const [near] = duplexPair();
    const link = new RelayLink({ side: 'gateway', transport: near, heartbeatMs: 5 });
    await link.closed;
    expect(link.end?.message).toContain('silent');
  });
});

describe('a hostile relay', () => {
  const opened = async () => {
    const peer = facing('gateway');
    const opening = peer.link.open(db, never);
    peer.say({ type: 'opened', stream: 1 });
    const stream = await opening;
    return { ...peer, stream };
  };
  const data = (stream: number, size = 1): RelayFrame => ({ type: 'data', stream, bytes: Buffer.alloc(size) });
  const cases: Readonly<Record<string, readonly RelayFrame[]>> = {
    'opens a stream itself': [{ type: 'open', stream: 2, ...db }],
    'speaks on a stream that never was': [data(7)],
    'answers a question that nobody asked': [{ type: 'opened', stream: 9 }],
    'answers twice': [{ type: 'opened', stream: 1 }],
    'sends more than the window holds': Array.from({ length: windowBytes / maxDataBytes + 1 }, () =>
      data(1, maxDataBytes),
    ),
    'gives more room than there is': [{ type: 'window', stream: 1, bytes: 1 }],
    'sends data behind its end': [{ type: 'end', stream: 1 }, data(1)],
    'ends twice': [
      { type: 'end', stream: 1 },
      { type: 'end', stream: 1 },
    ],
  };
  for (const [name, frames] of Object.entries(cases))
    it(`loses its connection when it ${name}`, async () => {
      const { link, stream, say } = await opened();
      const over = closed(stream);
      say(...frames);
      await link.closed;
      expect(link.end).toMatchObject({ code: 'protocol' });
      await over;
    });

  it('may be late with frames of a stream that is over', async () => {
    const { link, stream, say, heard, far } = await opened();
    stream.destroy();
    say(data(1), { type: 'end', stream: 1 }, { type: 'ping', mark: Buffer.alloc(8, 3) });
    while (!heard.some(({ type }) => type === 'pong')) await once(far, 'data');
    expect(link.end).toBeNull();
  });

  it('neither hangs, grows nor throws with random frames', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }), async (chunks) => {
        const { link, far } = await opened();
        for (const chunk of chunks) far.write(chunk);
        far.write(encodeHead('data', 77, maxDataBytes));
        far.write(Buffer.alloc(maxDataBytes * 2));
        await link.closed;
        expect(link.streams).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a hostile gateway', () => {
  const cases: Readonly<Record<string, readonly RelayFrame[]>> = {
    'uses a number again': [
      { type: 'open', stream: 5, ...db },
      { type: 'open', stream: 5, ...db },
    ],
    'goes back in numbers': [
      { type: 'open', stream: 5, ...db },
      { type: 'open', stream: 4, ...db },
    ],
    'sends data before an answer': [
      { type: 'open', stream: 1, ...db },
      { type: 'data', stream: 1, bytes: Buffer.from('x') },
    ],
    'answers its own questions': [{ type: 'opened', stream: 1 }],
    'shows a login': [{ type: 'login', token: 'x' }],
  };
  for (const [name, frames] of Object.entries(cases))
    it(`loses its connection when it ${name}`, async () => {
      const { link, say } = facing('relay');
      say(...frames);
      await link.closed;
      expect(link.end).toMatchObject({ code: 'protocol' });
    });

  it('gets no more streams than are allowed, however many it asks for', async () => {
    const asked: StreamRequest[] = [];
    const { say, heard, far } = facing('relay', (request) => asked.push(request));
    for (let stream = 1; stream <= 1_030; stream += 1) say({ type: 'open', stream, ...db });
    while (heard.length < 6) await once(far, 'data');
    expect(asked).toHaveLength(1_024);
    expect(heard.every((frame) => frame.type === 'refused' && frame.reason === 'busy')).toBe(true);
  });

  it('that asks and never reads the answers is cut', async () => {
    const [near, far] = duplexPair();
    far.on('error', () => undefined);
    const link = new RelayLink({
      side: 'relay',
      transport: near,
      onRequest: (request) => request.refuse('not allowed', 'x'.repeat(400)),
    });
    let stream = 0;
    while (link.end === null) {
      far.write(encodeFrame({ type: 'open', stream: ++stream, ...db }));
      if (stream % 100 === 0) await new Promise(setImmediate);
      if (stream > 100_000) throw new Error('it goes on for ever');
    }
    expect(link.end).toMatchObject({ code: 'protocol' });
  });
});
