import type { Signal } from './signal.js';
import type { SignalStore } from './store.js';

/** The newest so many are listed; older ones stay in the store. */
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

/** Every signal that was raised: in the store, and the newest in memory, where each decision asks for them. */
export class SignalBook {
  readonly #store: Pick<SignalStore, 'add' | 'newest'>;
  readonly #clock: () => number;
  readonly #signals: Signal[];
  readonly #kinds = new Map<string, { readonly until: number; readonly kinds: readonly string[] }>();
  readonly #onProblem: (message: string, cause: unknown) => void;

  constructor({ store, clock, onProblem }: SignalBookParts) {
    this.#store = store;
    this.#clock = clock;
    this.#onProblem = onProblem;
    this.#signals = [...store.newest(maxListed)];
  }

  /** Known at once, whatever the store says: a full disk must not hide what was found. */
  add(signal: Signal): void {
    this.#signals.push(signal);
    if (this.#signals.length > maxListed) this.#signals.shift();
    this.#kinds.delete(signal.identity.id);
    try {
      this.#store.add(signal);
    } catch (error) {
      this.#onProblem('a signal cannot be written', error);
    }
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
    const known = this.#kinds.get(identity);
    if (known?.until === Infinity) return known.kinds;
    const now = this.#clock();
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
}

export interface SignalBookParts {
  readonly store: Pick<SignalStore, 'add' | 'newest'>;
  readonly clock: () => number;
  readonly onProblem: (message: string, cause: unknown) => void;
}
