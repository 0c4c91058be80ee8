import type { Duplex, Readable, Writable } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import { SluiceError } from '../../lib/errors.js';
import { type Ending, unknownEnding } from '../../programs/running.js';
import { roomToSend } from './peer-bounds.js';

const forgotten = { _chunk: undefined, _chunkcb: undefined, _chunkErr: undefined, _chunkcbErr: undefined };

/**
 * Writes and waits until the bytes have been taken by the connection. At most one write of a channel may be under way,
 * stdout and stderr together: ssh2 keeps a chunk that had to wait for window, also after it was sent, and sends it once
 * more when the other output waits. So it is made to forget it.
 */
export function writeTo(
  channel: Duplex,
  bytes: Buffer | string,
  signal: AbortSignal,
  stream: Writable = channel,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(asError(signal.reason));
    // A channel that closes while it waits for window never calls back.
    const stop = (): void => reject(asError(signal.reason));
    signal.addEventListener('abort', stop, { once: true });
    stream.write(bytes, (error) => {
      signal.removeEventListener('abort', stop);
      Object.assign(channel, forgotten);
      if (error == null) roomToSend(channel, signal).then(resolve, (thrown: unknown) => reject(asError(thrown)));
      else reject(asError(error));
    });
  });
}

/** To be called when ssh2 hands the channel over: it tells the exit of what is over already while it still reads that packet. */
export function withEnding(channel: ClientChannel): ClientChannel & { readonly ending: Ending } {
  const program: ClientChannel & { ending: Ending } = Object.assign(channel, { ending: unknownEnding });
  channel.once('exit', (code: number | null, signal?: string) => (program.ending = { code, signal: signal ?? null }));
  return program;
}

/** Hands over what a stream reads, piece by piece: the next piece is not read before the last one was dealt with. */
export function pump(from: Readable, handle: (piece: Buffer) => Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      from.off('data', onData);
      from.off('end', onEnd);
      from.off('error', fail);
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (thrown: unknown): void => {
      stop();
      reject(asError(thrown));
    };
    // The end of a stream may be told while its last piece is still dealt with.
    let last: Promise<void> = Promise.resolve();
    const onData = (piece: Buffer): void => {
      from.pause();
      last = handle(piece);
      last.then(() => from.resume(), fail);
    };
    const onEnd = (): void => {
      stop();
      last.then(resolve, () => undefined);
    };
    const onAbort = (): void => fail(signal.reason);
    if (signal.aborted) return reject(asError(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
    from.on('data', onData);
    from.once('end', onEnd);
    from.once('error', fail);
    if (from.readableEnded) onEnd();
  });
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new SluiceError('interrupted', 'the connection ended', { cause: thrown });
}
