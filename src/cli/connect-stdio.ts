import { Duplex } from 'node:stream';
import { splice } from '../agent/splice.js';
import type { SluiceClient } from '../client/api.js';

/** Joins stdin and stdout to the target until either side ends. The login proves who this is; no password is needed. */
export async function connectStdio(
  client: SluiceClient,
  { target, reason }: { readonly target: string; readonly reason: string | null },
): Promise<number> {
  const far = await client.openTunnel(target, { reason });
  const near = Duplex.from({ readable: process.stdin, writable: process.stdout });
  near.once('close', () => far.destroy());
  far.once('close', () => near.destroy());
  await splice(near, far);
  // Whoever runs this as a proxy may keep our stdin open for ever.
  process.stdin.destroy();
  return 0;
}
