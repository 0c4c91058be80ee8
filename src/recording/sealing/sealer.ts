import { join } from 'node:path';
import { isJournalPath } from '../layout.js';
import type { LedgerSession } from '../ledger-read.js';
import { readRecipientsRecord } from '../read.js';
import { sizeOf } from './locate.js';
import { sealJournal } from './seal.js';

const dayMs = 86_400_000;

export interface SealerParts {
  readonly dir: string;
  /** Days after a session's end; null seals nothing. */
  readonly afterDays: number | null;
  readonly clock: () => number;
  readonly onProblem: (message: string, cause: unknown) => void;
}

/** Packs old journals. Encrypted ones stay as they are: what is encrypted cannot be packed. */
export class Sealer {
  readonly #parts: SealerParts;
  /** Looked at and done with. */
  readonly #done = new Set<string>();

  constructor(parts: SealerParts) {
    this.#parts = parts;
  }

  /** Seals those of the ledger's sessions that are old enough. Returns how many. */
  async run(sessions: Iterable<LedgerSession>): Promise<number> {
    const { dir, afterDays, clock, onProblem } = this.#parts;
    if (afterDays === null) return 0;
    let sealed = 0;
    for (const { id, path, closed, deleted } of sessions) {
      if (path === null || !isJournalPath(path) || closed?.head === undefined || closed.head === null) continue;
      if (deleted !== null || this.#done.has(id) || clock() - closed.at <= afterDays * dayMs) continue;
      try {
        if (await sealOne(join(dir, path))) sealed++;
        this.#done.add(id);
      } catch (error) {
        onProblem(`the journal of ${id} could not be sealed; it is tried again`, error);
      }
    }
    return sealed;
  }
}

async function sealOne(file: string): Promise<boolean> {
  if ((await sizeOf(file)) === null) return false; // sealed already, or kept elsewhere
  if ((await readRecipientsRecord(file)) !== null) return false;
  await sealJournal(file);
  return true;
}
