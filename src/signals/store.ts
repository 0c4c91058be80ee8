import type { Signal } from './signal.js';

/** What a rule remembers of the recent past about one thing. */
export interface SavedWindow {
  readonly rule: string;
  readonly key: string;
  /** When it was last added to. */
  readonly at: number;
  readonly body: string;
}

/** Where signals and the memory of their rules live. */
export interface SignalStore {
  add(signal: Signal): void;
  /** The newest so many, oldest first. */
  newest(limit: number): readonly Signal[];
  /** Everything that was added to since. */
  windows(since: number): readonly SavedWindow[];
  /** Keeps these, each instead of what stood there, and forgets what was last added to before. */
  saveWindows(windows: readonly SavedWindow[], forgetBefore: number): void;
}
