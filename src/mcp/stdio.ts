import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { createMcpServer, type McpOptions } from './server.js';

/** Serves on stdin and stdout until the client leaves or `signal` aborts. Errors that end nothing go to `onError`. */
export async function serveMcpOnStdio(
  options: McpOptions,
  { signal, onError }: { readonly signal: AbortSignal; readonly onError: (error: Error) => void },
): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    process.stdin.once('end', resolve);
    process.stdin.once('close', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  const handle = serveStdio(() => createMcpServer(options), { onerror: onError });
  await ended;
  await handle.close();
}
