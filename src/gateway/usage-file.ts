import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { UsageBook } from '../sessions/usage.js';

const schema = z.object({
  usage: z.literal(1),
  identities: z.record(z.string(), z.array(z.tuple([z.number()], z.number()))),
});
const tickMs = 5_000;

export interface UsageFileParts {
  readonly path: string;
  readonly book: UsageBook;
  /** Identities with a session open. */
  readonly live: () => ReadonlySet<string>;
  readonly clock: () => number;
  readonly onProblem: (message: string, cause: unknown) => void;
}

/**
 * Keeps what identities did in the last hour over a restart. Counting is in memory; every few seconds, and at the end,
 * it is written. A gateway that is killed forgets those seconds.
 */
export class UsageFile {
  readonly #parts: UsageFileParts;
  readonly #timer: NodeJS.Timeout;
  #written = '';
  #writing: Promise<void> = Promise.resolve();

  private constructor(parts: UsageFileParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => void this.save(), tickMs).unref();
  }

  static async open(parts: UsageFileParts): Promise<UsageFile> {
    const { path, book, clock, onProblem } = parts;
    try {
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      });
      if (text !== null) book.restore(schema.parse(JSON.parse(text)).identities, clock());
    } catch (error) {
      onProblem('what identities did in the last hour cannot be read; their budgets begin anew', error);
    }
    return new UsageFile(parts);
  }

  /** Writes what has changed; one writing at a time. Never rejects. */
  save(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#save());
    return this.#writing;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.save();
  }

  async #save(): Promise<void> {
    const { path, book, live, clock, onProblem } = this.#parts;
    book.forget(live(), clock());
    const text = JSON.stringify({ usage: 1, identities: book.save(clock()) });
    if (text === this.#written) return;
    try {
      await writeFile(`${path}.new`, text, { mode: 0o600 });
      await rename(`${path}.new`, path);
      this.#written = text;
    } catch (error) {
      onProblem('what identities did in the last hour cannot be written', error);
    }
  }
}
