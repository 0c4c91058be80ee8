import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { systemCode } from '../../lib/private-files.js';

/** Proof for ourselves that an object was stored and read back with this digest. */
export interface Receipt {
  readonly object: string;
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
  /** The lock that it was seen to have; null: none was asked for. */
  readonly lock: string | null;
}

/**
 * What the store is known to hold: one JSON line for each object that was stored and read back, and for each that was
 * removed. Everything else is still to be done, so nothing is lost when a line is: it is done once more.
 */
export class Receipts {
  readonly #path: string;
  readonly #known = new Map<string, Receipt>();

  constructor(path: string) {
    this.#path = path;
    for (const line of textOf(path).split('\n')) this.#take(line);
    const draft = `${path}.tmp`;
    writeFileSync(draft, [...this.#known.values()].map((each) => `${JSON.stringify(each)}\n`).join(''), {
      mode: 0o600,
    });
    renameSync(draft, path);
  }

  get(object: string): Receipt | null {
    return this.#known.get(object) ?? null;
  }

  /** Objects that were not seen to have this lock. */
  without(lock: string): readonly Receipt[] {
    return [...this.#known.values()].filter((each) => each.lock !== lock);
  }

  keys(): IterableIterator<string> {
    return this.#known.keys();
  }

  add(receipt: Receipt): void {
    this.#append(receipt);
    this.#known.set(receipt.object, receipt);
  }

  remove(object: string): void {
    this.#append({ object, removed: true });
    this.#known.delete(object);
  }

  #append(line: object): void {
    const file = openSync(this.#path, 'a', 0o600);
    try {
      writeSync(file, `${JSON.stringify(line)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  /** A torn last line, or one that is not ours, counts for nothing. */
  #take(line: string): void {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      return;
    }
    if (typeof value !== 'object' || value === null || !('object' in value) || typeof value.object !== 'string') return;
    const { object } = value;
    if ('removed' in value) this.#known.delete(object);
    else if ('bytes' in value && 'sha256' in value && typeof value.bytes === 'number') {
      if (typeof value.sha256 === 'string')
        this.#known.set(object, { object, bytes: value.bytes, sha256: value.sha256, lock: lockIn(value) });
    }
  }
}

/** Receipts from before locks were noted have none: what they are about is looked at once more. */
function lockIn(value: object): string | null {
  return 'lock' in value && typeof value.lock === 'string' ? value.lock : null;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  }
}
