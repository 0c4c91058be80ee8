import type { Found } from './terminal-reel.js';
import type { Track, TrackStep } from './track.js';

/** A long session is searched in parts, so that a key is always answered soon. */
const maxSearched = 100_000;
const maxScreensMs = 700;

export interface Quest {
  readonly query: string;
  readonly track: Track;
  readonly direction: 'after' | 'before';
}

/** When a text is next (or was last) written, or appears on a screen: whichever comes first on the way. */
export function find(atMs: number, { query, track, direction }: Quest): Found {
  const isAfter = direction === 'after';
  const written = isAfter
    ? lookFor(query, track.after(atMs))
    : lookFor(query, track.before(atMs), (step) => step.atMs < atMs);
  const { reel } = track;
  const shown = isAfter ? reel?.findAfter(query, atMs, maxScreensMs) : reel?.findBefore(query, atMs, maxScreensMs);
  const places = [written, shown ?? null].filter((found) => found !== null);
  const far = (found: NonNullable<Found>): number => ('atMs' in found ? found.atMs : found.upTo);
  const order = places.toSorted((a, b) => (isAfter ? far(a) - far(b) : far(b) - far(a)));
  return order[0] ?? null;
}

function lookFor(
  query: string,
  steps: Iterable<TrackStep>,
  isWanted: (step: TrackStep) => boolean = () => true,
): Found {
  let looked = 0;
  for (const step of steps) {
    if (isWanted(step) && step.search.toLowerCase().includes(query)) return { atMs: step.atMs };
    if (++looked >= maxSearched) return { upTo: step.atMs };
  }
  return null;
}
