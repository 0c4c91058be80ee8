import type { Readable } from 'node:stream';
import { SluiceError } from '../lib/errors.js';
import type { ExecStreamLine } from './api-exec-types.js';
import { errorOf, parseObject } from './error-document.js';

/** A line holds a thousand rows or 64 KiB, or one row however large. */
const maxLineChars = 256 * 1024 * 1024;

/** The lines of a streamed exec answer. One that ends without its last line was cut, and says so. */
export async function* execLines(source: Readable): AsyncGenerator<ExecStreamLine> {
  source.setEncoding('utf8');
  // Collected in pieces: a line may come in thousands of chunks.
  let pieces: string[] = [];
  let size = 0;
  for await (const chunk of untilReset(source)) {
    let from = 0;
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', from)) {
      const line = decodeLine([...pieces, chunk.slice(from, end)].join(''));
      pieces = [];
      size = 0;
      from = end + 1;
      if (line.type === 'error') throw errorOf(line.error);
      yield line;
      if (line.type === 'end') return;
    }
    if (from < chunk.length) pieces.push(chunk.slice(from));
    size += chunk.length - from;
    if (size > maxLineChars) throw new SluiceError('too_large', 'A row is too large', { decider: 'local' });
  }
  throw new SluiceError('gateway_unreachable', 'The connection to the gateway was cut before the result was complete', {
    decider: 'network',
    retryable: true,
  });
}

/** What has come; a connection that was reset ends it like any other that was cut. */
async function* untilReset(source: Readable): AsyncGenerator<string> {
  try {
    yield* source as AsyncIterable<string>;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ECONNRESET')) throw error;
  }
}

/** The gateway checks its lines against its schema; here, the type is enough to trust the shape. */
function decodeLine(text: string): ExecStreamLine {
  const line = parseObject(text);
  const type = line?.['type'];
  if (line !== null && (type === 'columns' || type === 'rows' || type === 'end' || type === 'error'))
    return line as unknown as ExecStreamLine;
  throw new SluiceError('protocol', 'The gateway streamed something else than rows; is it newer than this client?', {
    decider: 'gateway',
  });
}
