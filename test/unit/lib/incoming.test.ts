import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { duplexPair } from '../../../src/lib/duplex-pair.js';
import { connectBorrowing, takeChunks } from '../../../src/lib/incoming.js';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Two ends of a real connection over loopback, the near one opened so. */
async function socketPair(open: typeof connectBorrowing = connect): Promise<readonly [Socket, Socket]> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = once(server, 'connection');
  const near = open({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' });
  const [far] = (await accepted) as [Socket];
  closers.push(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return [near, far];
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('takeChunks', () => {
  it.each(['socket', 'pair in memory'])(
    'takes all bytes in order from a %s, however often it is paused',
    async (kind) => {
      const [near, far] = kind === 'socket' ? await socketPair() : duplexPair();
      const sent = randomBytes(3_000_000);
      const parts: Buffer[] = [];
      let pauses = 0;
      takeChunks(far, (chunk) => {
        parts.push(Buffer.from(chunk));
        if (parts.length % 3 !== 0) return;
        far.pause();
        pauses++;
        setImmediate(() => far.resume());
      });
      for (let at = 0; at < sent.length; at += 10_000) near.write(sent.subarray(at, at + 10_000));
      near.end();
      await once(far, 'end');
      expect(pauses).toBeGreaterThan(2);
      expect(digest(Buffer.concat(parts))).toBe(digest(sent));
    },
  );

  it('stops the sender while it is paused', async () => {
    const [near, far] = await socketPair();
    let taken = 0;
    takeChunks(far, (chunk) => {
      taken += chunk.length;
      far.pause();
    });
    const total = 64_000_000; // more than the system buffers
    near.write(Buffer.alloc(total, 1));
    while (far.readableLength === 0) await new Promise((next) => setImmediate(next));
    expect(far.isPaused()).toBe(true);
    expect(taken + far.readableLength).toBeLessThan(1_000_000);
    expect(near.writableLength).toBeGreaterThan(0);
  });

  it('sees the end and nothing behind it', async () => {
    const [near, far] = await socketPair();
    const chunks: string[] = [];
    takeChunks(far, (chunk) => void chunks.push(chunk.toString()));
    near.end('last words');
    await once(far, 'end');
    expect(chunks.join('')).toBe('last words');
  });

  it('leaves a stream that decodes its bytes as it is', async () => {
    const stream = new PassThrough({ encoding: 'utf8' });
    const own = stream.push;
    takeChunks(stream, () => undefined);
    expect(stream.push).toBe(own);
    stream.end('text');
    await once(stream, 'end');
  });
});

describe('connectBorrowing', () => {
  it('is an ordinary socket to others: what it gave them stays as it was', async () => {
    const [near, far] = await socketPair(connectBorrowing);
    const sent = randomBytes(300_000);
    const parts: Buffer[] = [];
    near.on('data', (chunk: Buffer) => parts.push(chunk));
    far.end(sent);
    await once(near, 'end');
    expect(digest(Buffer.concat(parts))).toBe(digest(sent));
  });

  it('takes all bytes in order on several connections at once, however often each is paused', async () => {
    const all = Array.from({ length: 4 }, async (_, index) => {
      const [near, far] = await socketPair(connectBorrowing);
      const sent = randomBytes(2_000_000);
      const parts: Buffer[] = [];
      const lent: boolean[] = [];
      // Somebody has read before, and left some of what came.
      far.write(sent.subarray(0, 100));
      await once(near, 'readable');
      takeChunks(near, (chunk, borrowed) => {
        parts.push(Buffer.from(chunk));
        lent.push(borrowed);
        if (parts.length % (index + 2) !== 0) return;
        near.pause();
        setImmediate(() => near.resume());
      });
      near.resume();
      for (let at = 100; at < sent.length; at += 10_000) far.write(sent.subarray(at, at + 10_000));
      far.end();
      await once(near, 'end');
      expect(digest(Buffer.concat(parts))).toBe(digest(sent));
      expect(new Set(lent)).toEqual(new Set([false, true]));
    });
    await Promise.all(all);
  });
});
