import { open } from 'node:fs/promises';
import type { SluiceClient } from '../client/api.js';
import { messageOf, SluiceError } from '../lib/errors.js';

/** Saves a session with its proofs; an existing file is never overwritten, and one that did not arrive whole is not kept. */
export async function exportBundle(client: SluiceClient, id: string, file: string, signal: AbortSignal) {
  const bundle = await client.sessionBundle(id, { signal });
  let bytes = 0;
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      for await (const chunk of bundle as AsyncIterable<Buffer>) {
        await handle.write(chunk);
        bytes += chunk.length;
      }
    } catch (cause) {
      await handle.truncate(0);
      throw cause;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new SluiceError('local', `Cannot write ${file}: ${messageOf(cause)}`, { decider: 'local', cause });
  }
  return { file, bytes };
}
