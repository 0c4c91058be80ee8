import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivate } from '../lib/private-files.js';
import { anchorProblem, type LedgerAnchor, parseAnchors } from './anchor.js';
import type { AnchorSink } from './anchor-keeper.js';
import { hasCode } from './files.js';
import type { PublicKeys } from './signing.js';

const newest = 'ledger.anchor';
const lost = /^ledger-lost-\d+\.anchor$/;

/**
 * The ledger's head as this gateway saw it last, beside its keys: who has the disk of the recordings, and not the gateway's
 * own, cannot put an older copy of the whole folder in its place, or an empty one, unnoticed.
 */
export class OwnAnchor {
  readonly #dir: string;
  readonly sink: AnchorSink;

  constructor(keysDir: string) {
    this.#dir = keysDir;
    this.sink = {
      name: `the gateway's own anchor in ${keysDir}`,
      put: async (anchor) => writePrivate(join(keysDir, newest), `${JSON.stringify(anchor)}\n`),
    };
  }

  /** Why the ledger is not the one that was there last; the head of that one is kept then, for every verification from now on. */
  async check(ledger: string, keys: PublicKeys, now: number): Promise<string | null> {
    const anchors = await this.#read(newest);
    if (anchors.length === 0) return null;
    let problem: string | null;
    try {
      problem = await anchorProblem(ledger, anchors, keys);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
      problem = 'it is gone';
    }
    if (problem === null) return null;
    const kept = join(this.#dir, `ledger-lost-${now}.anchor`);
    await rename(join(this.#dir, newest), kept);
    return `the ledger is not the one that this gateway wrote: ${problem}. Its head is kept in ${kept} and fails verification; move that away if a backup was put back`;
  }

  /** Heads that the ledger must hold: the newest one, and those that were lost. */
  async all(): Promise<readonly LedgerAnchor[]> {
    const names = await readdir(this.#dir).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    });
    const found = await Promise.all(
      names.filter((name) => name === newest || lost.test(name)).map((name) => this.#read(name)),
    );
    return found.flat();
  }

  async #read(name: string): Promise<readonly LedgerAnchor[]> {
    try {
      return parseAnchors(await readFile(join(this.#dir, name), 'utf8'));
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    }
  }
}
