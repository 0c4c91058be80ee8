/** One thing that appears during playback: its time from the session's start and the text it prints. */
export interface TrackStep {
  readonly atMs: number;
  readonly text: string;
  /** This step is where a statement was sent; `[` and `]` stop here and search looks in it. */
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
