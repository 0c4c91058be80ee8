import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isSluiceError } from '../../lib/errors.js';
import { readRecipientsRecord } from '../../recording/read.js';
import type { Recording } from '../playback.js';
import { JournalTrack } from './journal-track.js';

/** A journal as the player reads it: in a file, which may still be arriving. */
export interface OpenedTrack {
  readonly track: JournalTrack;
  /** Removes what was kept here for playing. */
  close(): Promise<void>;
}

/** A file is played where it is; what comes from elsewhere is kept in a folder of one's own for as long as it is played. */
export async function openTrack(
  { source, openKey }: Recording,
  title: string,
  op: number | null,
): Promise<OpenedTrack> {
  const keyOf = async (path: string): Promise<Uint8Array | null> => {
    const found = await readRecipientsRecord(path);
    return found === null ? null : ((await openKey(found.recipients, found.session)) ?? null);
  };
  if (typeof source === 'string') {
    const track = new JournalTrack(source, { title, op, key: await keyOf(source), isComplete: () => true });
    return { track, close: () => Promise.resolve() };
  }
  const dir = await mkdtemp(join(tmpdir(), 'sluice-play-'));
  const path = join(dir, 'session.journal');
  const stop = new AbortController();
  const file = createWriteStream(path, { mode: 0o600 });
  let isComplete = false;
  let failure: unknown = null;
  const bytes = source instanceof Uint8Array ? [source] : source;
  const copied = pipeline(Readable.from(bytes, { objectMode: false }), file, { signal: stop.signal })
    .catch((error: unknown) => (failure = stop.signal.aborted ? null : error))
    .finally(() => (isComplete = true));
  const close = async (): Promise<void> => {
    stop.abort();
    await copied;
    await rm(dir, { recursive: true, force: true });
  };
  try {
    // The opening comes with the first bytes; the rest while it is played.
    while (!isComplete && file.bytesWritten < firstBytes) await Promise.race([copied, soon()]);
    if (isSluiceError(failure)) throw failure;
    const track = new JournalTrack(path, { title, op, key: await keyOf(path), isComplete: () => isComplete });
    return { track, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Binding, opening and the first signature are shorter. */
const firstBytes = 512;

function soon(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}
