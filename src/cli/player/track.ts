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

/** A session as the player sees it: steps in the order of time. */
export interface Track {
  readonly title: string;
  readonly durationMs: number;
  readonly steps: readonly TrackStep[];
}

/** How many steps have happened at `atMs`. */
export function stepsUntil(track: Track, atMs: number): number {
  let low = 0;
  let high = track.steps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((track.steps[middle]?.atMs ?? Infinity) <= atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
