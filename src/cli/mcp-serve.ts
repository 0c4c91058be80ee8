import type { SluiceClient } from '../client/api.js';
import { messageOf, SluiceError } from '../lib/errors.js';
import { serveMcpOnStdio } from '../mcp/stdio.js';
import type { Toolset } from '../mcp/tool.js';
import type { Output } from './output.js';
import { plain } from './plain.js';

interface ServeOptions {
  readonly toolset: Toolset;
  readonly version: string;
  readonly out: Output;
  readonly signal: AbortSignal;
}

/** Serves until the client leaves. stdout belongs to the protocol alone; what is to be said goes to stderr. */
export async function serveMcp(client: SluiceClient, { toolset, version, out, signal }: ServeOptions): Promise<void> {
  if (out.json)
    throw new SluiceError('usage', 'mcp serve speaks its own protocol on stdout; it takes no --json.', {
      decider: 'local',
    });
  if (process.stdin.isTTY === true)
    throw new SluiceError('usage', 'mcp serve is started by an MCP client, not by hand.', {
      decider: 'local',
      next: [{ command: 'sluice mcp config --client claude', when: 'to see what to give to your client' }],
    });
  const onError = (error: Error): void => out.note(`mcp: ${plain(messageOf(error))}`);
  await serveMcpOnStdio({ api: client, toolset, version }, { signal, onError });
}
