import type { Duplex } from 'node:stream';
import ssh2, { type ClientChannel } from 'ssh2';
import { SluiceError } from '../../lib/errors.js';
import type { Ending } from '../../programs/running.js';
import { algorithms } from './algorithms.js';
import { withEnding } from './channel-io.js';

/** What a command said, cut at the bound, and how it ended. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Null when a signal ended it, or nobody said how it ended. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly truncated: boolean;
}

/** Runs one command through an engine of this gateway, over a connection in memory. */
export async function runCommand(stream: Duplex, text: string, maxBytes: number): Promise<CommandResult> {
  const client = new ssh2.Client();
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      client.once('error', reject);
      client.once('close', () => reject(broken()));
      // The other end is this process: there is no host to verify and nobody to convince.
      client.connect({ sock: stream, username: 'sluice', authHandler: ['none'], algorithms, hostVerifier: () => true });
    });
    const channel = await new Promise<ReturnType<typeof withEnding>>((resolve, reject) => {
      client.exec(text, (error, opened) => (error === undefined ? resolve(withEnding(opened)) : reject(error)));
    });
    return await collect(client, channel, maxBytes);
  } finally {
    client.end();
  }
}

function collect(
  client: ssh2.Client,
  channel: ClientChannel & { readonly ending: Ending },
  maxBytes: number,
): Promise<CommandResult> {
  const pieces: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  let left = maxBytes;
  let truncated = false;
  // The command runs to its end whatever it says: cutting it off would undo half of what it does.
  const take = (lane: 'stdout' | 'stderr') => (piece: Buffer) => {
    const kept = piece.subarray(0, left);
    truncated ||= kept.length < piece.length;
    left -= kept.length;
    if (kept.length > 0) pieces[lane].push(kept);
  };
  channel.on('data', take('stdout'));
  channel.stderr.on('data', take('stderr'));
  channel.end();
  return new Promise((resolve, reject) => {
    client.once('close', () => reject(broken()));
    channel.once('close', () => {
      const text = (lane: 'stdout' | 'stderr'): string => Buffer.concat(pieces[lane]).toString('utf8');
      const { code, signal } = channel.ending;
      resolve({ stdout: text('stdout'), stderr: text('stderr'), exitCode: code, signal, truncated });
    });
  });
}

function broken(): SluiceError {
  return new SluiceError('target_unreachable', 'the session ended before the command was complete');
}
