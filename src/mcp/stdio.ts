import { PassThrough } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { AnsweringTransport } from './answering-transport.js';
import { createMcpServer, type McpOptions } from './server.js';

/** Clients that want no more answers send SIGTERM two seconds after they have closed stdin. */
const lastAnswersMs = 10_000;

/**
 * Serves on stdin and stdout until the client leaves or `signal` aborts. Who closes stdin gets answers to what was asked
 * until then, if they are there soon; what takes longer is called off at the gateway. Errors that end nothing go to
 * `onError`.
 */
export async function serveMcpOnStdio(
  options: McpOptions,
  { signal, onError }: { readonly signal: AbortSignal; readonly onError: (error: Error) => void },
): Promise<void> {
  const { stdin } = process;
  // The library ends with its input at once, and drops what it was about to answer.
  const input = new PassThrough();
  const transport = new AnsweringTransport(input);
  const ended = new Promise<void>((resolve) => {
    stdin.once('end', resolve);
    stdin.once('close', resolve);
    process.stdout.once('error', () => resolve());
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  const handle = serveStdio(() => createMcpServer(options), { transport, onerror: onError });
  stdin.pipe(input, { end: false });
  await ended;
  const answered = async (): Promise<void> => {
    do await nextTurn();
    while (input.readableLength > 0);
    await transport.answered();
  };
  if (stdin.readableEnded) await soon(answered(), signal);
  stdin.unpipe(input);
  await handle.close();
}

/** Waits, but not for long, and not once `signal` aborts. */
async function soon(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const enough = new AbortController();
  const over = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, lastAnswersMs);
    enough.signal.addEventListener('abort', () => clearTimeout(timer));
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  await Promise.race([work, over]);
  enough.abort();
}
