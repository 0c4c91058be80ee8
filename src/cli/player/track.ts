import type { TerminalReel } from './terminal-reel.js';

/** Something that is added to the screen, `atMs` after the session's start. Steps can be parts of one line. */
export interface TrackStep {
  readonly atMs: number;
  readonly text: string;
  /** What a search looks through: the whole of what this step completes, or '' when it completes nothing. */
  readonly search: string;
  /** `.` stops here: something is complete. */
  readonly stop: boolean;
  /** `[` and `]` stop here: a statement was sent. */
  readonly statement: boolean;
}

/** A session as the player sees it. However long it is, only what is asked for is looked at. */
export interface Track {
  readonly title: string;
  /** As far as is known; grows while the session does, or while it is still being gone through. */
  readonly durationMs: number;
  /** Nothing more is to come. */
  readonly isWhole: boolean;
  /** What had happened at `atMs`, the latest first. */
  before(atMs: number): Iterable<TrackStep>;
  /** What happens after `atMs`, the earliest first. */
  after(atMs: number): Iterable<TrackStep>;
  /** Statements sent until `atMs`, and altogether. */
  statements(atMs: number): { readonly current: number; readonly total: number };
  /** Terminals as they were; null where nothing of the kind is recorded. */
  readonly reel: TerminalReel | null;
}

/** A track of steps that are all at hand, in the order of time. */
export function trackOf(title: string, steps: readonly TrackStep[]): Track {
  const total = steps.filter((step) => step.statement).length;
  return {
    title,
    durationMs: steps.at(-1)?.atMs ?? 0,
    isWhole: true,
    reel: null,
    *before(atMs) {
      for (let index = stepsUntil(steps, atMs) - 1; index >= 0; index--) {
        const step = steps[index];
        if (step !== undefined) yield step;
      }
    },
    *after(atMs) {
      yield* steps.slice(stepsUntil(steps, atMs));
    },
    statements: (atMs) => ({
      current: steps.slice(0, stepsUntil(steps, atMs)).filter((step) => step.statement).length,
      total,
    }),
  };
}

/** How many steps have happened at `atMs`. */
export function stepsUntil(steps: readonly TrackStep[], atMs: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((steps[middle]?.atMs ?? Infinity) <= atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function firstOf<T>(items: Iterable<T>, wanted: (item: T) => boolean = () => true): T | null {
  for (const item of items) if (wanted(item)) return item;
  return null;
}
