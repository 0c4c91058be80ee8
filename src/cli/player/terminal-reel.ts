import type { SessionEvent } from '../../recording/events.js';
import type { ReplayedTerminal } from '../../lib/terminal/replayed.js';
import { Appearances } from './appearances.js';
import { Terminals, type Drawn, type TerminalsState } from './terminals.js';

/** An event that terminals go by, and when it happened since the session's start. */
export interface TimedEvent {
  readonly atMs: number;
  readonly event: SessionEvent;
}

/** A recording by the parts in which it is read. */
export interface Segments {
  readonly count: number;
  /** The last may grow. */
  events(index: number): readonly TimedEvent[];
}

/** A place in a recording: behind the events of a segment that come before this one. */
interface Place {
  readonly segment: number;
  readonly event: number;
  /** Of the last event before it. */
  readonly atMs: number;
}
/** Where drawing can begin. */
interface Point extends Place {
  readonly terminals: TerminalsState;
  readonly cells: number;
}
const start: Point = { segment: 0, event: 0, atMs: -1, terminals: new Map(), cells: 0 };

export type Found = { readonly atMs: number } | { readonly upTo: number } | null;

/** What is drawn between two points takes about so long, so a jump takes little more. */
const pointEveryMs = 30;
const pointEveryBytes = 512 * 1024;
/** Twelve bytes each. */
const maxKeptCells = 12_000_000;
const eventsAtOnce = 32;

/**
 * A recording's terminals at any moment. On the way there, states are kept from which drawing can go on: the first way to
 * the end draws everything once, later ones a piece.
 */
export class TerminalReel {
  readonly #segments: Segments;
  #points: Point[] = [start];
  #walk: Walk;
  #spacing = 1;
  #sinceMs = 0;
  #sinceBytes = 0;

  constructor(segments: Segments) {
    this.#segments = segments;
    this.#walk = new Walk(segments, start);
  }

  get shown(): ReplayedTerminal | null {
    return this.#walk.terminals.shown;
  }
  get atMs(): number {
    return this.#walk.atMs;
  }

  /** Goes to a moment for about so long. Says whether it is there. */
  moveTo(atMs: number, forMs: number): boolean {
    const point = this.#pointAt(atMs);
    if (this.#walk.atMs > atMs || isBefore(this.#walk, point)) this.#restart(point);
    const began = performance.now();
    for (;;) {
      const from = performance.now();
      let more = true;
      for (let count = 0; more && count < eventsAtOnce; count++) more = this.#step(atMs);
      const now = performance.now();
      this.#sinceMs += now - from;
      if (!more) return true;
      if (now - began > forMs) return false;
    }
  }

  #step(atMs: number): boolean {
    const next = this.#walk.peek();
    if (next === null || next.atMs > atMs) return false;
    this.#walk.step();
    if (next.event.type === 'terminal') this.#sinceBytes += next.event.data.length;
    const isDue = this.#sinceMs > pointEveryMs * this.#spacing || this.#sinceBytes > pointEveryBytes * this.#spacing;
    if (isDue) this.#keepPoint();
    return true;
  }

  #keepPoint(): void {
    const last = this.#points.at(-1);
    const isKnown = last !== undefined && !isBefore(last, this.#walk);
    const terminals = isKnown ? null : this.#walk.terminals.state();
    if (isKnown || terminals !== null) this.#sinceMs = this.#sinceBytes = 0;
    if (terminals === null) return;
    const { segment, event, atMs } = this.#walk;
    this.#points.push({ segment, event, atMs, terminals, cells: this.#walk.terminals.cells });
    if (this.#points.reduce((sum, { cells }) => sum + cells, 0) <= maxKeptCells) return;
    this.#points = this.#points.filter((_, index) => index % 2 === 0);
    this.#spacing *= 2;
  }

  #restart(point: Point): void {
    this.#walk = new Walk(this.#segments, point);
    this.#sinceMs = this.#sinceBytes = 0;
  }

  /** The last point that is not later. */
  #pointAt(atMs: number): Point {
    return this.#points.findLast((point) => point.atMs <= atMs) ?? start;
  }

  /** When a text next appears on a screen: as it stands there, however it was drawn. */
  findAfter(query: string, atMs: number, forMs: number): Found {
    const until = performance.now() + forMs;
    for (const found of this.#appearances(query, this.#pointAt(atMs))) {
      if (found.isHit && found.atMs > atMs) return { atMs: found.atMs };
      if (found.atMs > atMs && performance.now() > until) return { upTo: found.atMs };
    }
    return null;
  }

  /** When it appeared last before. */
  findBefore(query: string, atMs: number, forMs: number): Found {
    const until = performance.now() + forMs;
    let to = atMs;
    for (let index = this.#points.findLastIndex((point) => point.atMs < atMs); index >= 0; index--) {
      const point = this.#points[index] ?? start;
      let last: number | null = null;
      for (const { atMs: at, isHit } of this.#appearances(query, point)) {
        if (at >= to) break;
        if (isHit) last = at;
      }
      if (last !== null) return { atMs: last };
      to = point.atMs + 1;
      if (performance.now() > until) return { upTo: Math.max(0, point.atMs) };
    }
    return null;
  }

  *#appearances(query: string, point: Point): Generator<{ readonly atMs: number; readonly isHit: boolean }> {
    const walk = new Walk(this.#segments, point);
    const seen = new Appearances(query.toLowerCase());
    if (walk.terminals.shown !== null) seen.look(walk.terminals.shown);
    for (;;) {
      const next = walk.peek();
      if (next === null) return;
      const drawn = walk.step();
      if (drawn !== null) yield { atMs: next.atMs, isHit: seen.isHit(drawn) };
    }
  }
}

/** Terminals that are drawn on from a point, event by event. */
class Walk implements Place {
  readonly #segments: Segments;
  readonly terminals: Terminals;
  segment: number;
  event: number;
  atMs: number;

  constructor(segments: Segments, point: Point) {
    this.#segments = segments;
    this.terminals = Terminals.from(point.terminals);
    this.segment = point.segment;
    this.event = point.event;
    this.atMs = point.atMs;
  }

  peek(): TimedEvent | null {
    while (this.segment < this.#segments.count) {
      const next = this.#segments.events(this.segment)[this.event];
      if (next !== undefined) return next;
      // Where the last one ends for now, more may come.
      if (this.segment === this.#segments.count - 1) return null;
      this.segment++;
      this.event = 0;
    }
    return null;
  }

  step(): Drawn | null {
    const next = this.peek();
    if (next === null) return null;
    this.event++;
    this.atMs = next.atMs;
    return this.terminals.apply(next.event);
  }
}

function isBefore(a: Place, b: Place): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.event < b.event);
}
