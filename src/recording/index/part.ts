import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { startWorker } from '../../lib/start-worker.js';
import { isJournalPath } from '../layout.js';
import type { LedgerSession } from '../ledger-read.js';
import { JournalBytes } from '../sealing/journal-bytes.js';
import { maxYoungGenerationSizeMb, type IndexThreadOptions } from './messages.js';

/** What a thread of its own reads into a part of the index, while the index thread reads the rest. */
export interface PartWork {
  readonly options: IndexThreadOptions;
  readonly path: string;
  /** The number of its first session; whoever reads the sessions before them needs fewer. */
  readonly firstSeq: number;
  /** Newest first. */
  readonly sessions: readonly LedgerSession[];
}
export type FromPart = { readonly problem: string } | { readonly done: true };

/** Less is built sooner than a thread is started. */
const worthBytes = 64 * 1024 * 1024;

export interface Division {
  readonly mine: readonly LedgerSession[];
  readonly part: readonly LedgerSession[];
}

/** Divides sessions (newest first) so that both halves have as much to read; null where one thread is enough. */
export function divided(
  sessions: readonly LedgerSession[],
  { recordingsDir, splitBytes }: IndexThreadOptions,
): Division | null {
  if (availableParallelism() < 2 || sessions.length < 2) return null;
  const sizes = sessions.map(({ path }) =>
    path !== null && isJournalPath(path) ? (new JournalBytes(join(recordingsDir, path)).size ?? 0) : 0,
  );
  const all = sizes.reduce((sum, size) => sum + size, 0);
  if (all < (splitBytes ?? worthBytes)) return null;
  let newest = 0;
  for (let read = 0; newest < sessions.length - 1; newest++) {
    read += sizes[newest] ?? 0;
    if (read > all / 2) break;
  }
  newest = Math.max(newest, 1);
  return { mine: sessions.slice(newest), part: sessions.slice(0, newest) };
}

export interface RunningPart {
  /** Rejects when the thread fails. */
  readonly done: Promise<void>;
  readonly stop: () => Promise<unknown>;
}

/** Reads sessions into the file of a part. The caller takes the file in and removes it. */
export function startPart(work: PartWork, onProblem: (problem: string) => void): RunningPart {
  removePart(work.path);
  const worker = startWorker(import.meta.url, './part-thread.js', {
    workerData: work,
    resourceLimits: { maxYoungGenerationSizeMb },
  });
  const done = new Promise<void>((resolve, reject) => {
    worker.on('message', (message: FromPart) => {
      if ('problem' in message) onProblem(message.problem);
      else resolve();
    });
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new Error(`the thread of a part of the index ended (${code})`)));
  });
  done.catch(() => undefined); // whoever waits for it hears of it
  return { done, stop: () => worker.terminate() };
}

export function removePart(path: string): void {
  for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(path + suffix, { force: true, recursive: true });
}
