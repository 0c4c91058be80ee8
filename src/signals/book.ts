import { appendFile, readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type Signal, signalKinds, signalSeverities } from './signal.js';

const signalSchema = z.object({
  id: z.string(),
  kind: z.enum(signalKinds),
  severity: z.enum(signalSeverities),
  at: z.string(),
  identity: z.object({ id: z.string(), name: z.string() }),
  target: z.string().nullable(),
  summary: z.string(),
  evidence: z.array(
    z.object({
      ...{ at: z.string(), event: z.string(), session: z.string().nullable() },
      ...{ op: z.number().nullable(), object: z.string().nullable() },
    }),
  ),
});

/** The newest so many are listed; older ones stay in the file. */
const maxListed = 10_000;
const factMs = 24 * 3_600_000;
const none: readonly string[] = [];

export interface SignalFilter {
  readonly kind?: string | undefined;
  readonly severity?: string | undefined;
  readonly user?: string | undefined;
  readonly since?: number | undefined;
  readonly limit: number;
}

/** Every signal that was raised, a line each in a file, the newest also in memory. */
export class SignalBook {
  readonly #path: string;
  readonly #clock: () => number;
  readonly #signals: Signal[];
  readonly #kinds = new Map<string, { readonly until: number; readonly kinds: readonly string[] }>();
  readonly #onProblem: (message: string, cause: unknown) => void;
  #writing: Promise<void> = Promise.resolve();

  private constructor(signals: Signal[], parts: SignalBookParts) {
    this.#signals = signals;
    this.#path = parts.path;
    this.#clock = parts.clock;
    this.#onProblem = parts.onProblem;
  }

  static async open(parts: SignalBookParts): Promise<SignalBook> {
    const text = await readFile(parts.path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') parts.onProblem('signals raised before cannot be read', error);
      return '';
    });
    const signals = text
      .split('\n')
      .slice(-maxListed - 1)
      .flatMap((line) => {
        try {
          return line === '' ? [] : [signalSchema.parse(JSON.parse(line))];
        } catch {
          return []; // a line that was being written when the process was killed
        }
      });
    return new SignalBook(signals, parts);
  }

  add(signal: Signal): void {
    this.#signals.push(signal);
    if (this.#signals.length > maxListed) this.#signals.shift();
    this.#kinds.delete(signal.identity.id);
    this.#writing = this.#writing.then(() =>
      appendFile(this.#path, `${JSON.stringify(signal)}\n`, { mode: 0o600 }).catch((error: unknown) =>
        this.#onProblem('a signal cannot be written', error),
      ),
    );
  }

  /** Newest first. */
  list({ kind, severity, user, since, limit }: SignalFilter): readonly Signal[] {
    return this.#signals
      .filter(
        (signal) =>
          (kind === undefined || signal.kind === kind) &&
          (severity === undefined || signal.severity === severity) &&
          (user === undefined || signal.identity.name === user) &&
          (since === undefined || Date.parse(signal.at) >= since),
      )
      .slice(-limit)
      .reverse();
  }

  /** Kinds raised of this identity in the last day, sorted; asked at each decision, so it is remembered. */
  kindsOf(identity: string): readonly string[] {
    const now = this.#clock();
    const known = this.#kinds.get(identity);
    if (known !== undefined && now < known.until) return known.kinds;
    const recent = this.#signals.filter(
      (signal) => signal.identity.id === identity && Date.parse(signal.at) > now - factMs,
    );
    const kinds = recent.length === 0 ? none : [...new Set(recent.map(({ kind }) => kind))].sort();
    const oldest = Math.min(...recent.map(({ at }) => Date.parse(at)));
    // Nothing changes until the oldest has passed, or another is raised.
    this.#kinds.set(identity, { until: recent.length === 0 ? Infinity : oldest + factMs, kinds });
    return kinds;
  }

  async close(): Promise<void> {
    await this.#writing;
  }
}

export interface SignalBookParts {
  readonly path: string;
  readonly clock: () => number;
  readonly onProblem: (message: string, cause: unknown) => void;
}
