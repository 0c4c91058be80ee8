import type { OpenEvent, SessionEvent } from '../../recording/events.js';
import { JournalOutline, type Keyframe } from '../../recording/playback/outline.js';
import { isOf } from '../../recording/playback/one-operation.js';
import { OutputLines, type LineEnd } from '../../recording/playback/output-lines.js';
import { Stage, type Scene } from '../../recording/playback/scenes.js';
import { readSegment } from '../../recording/playback/segment.js';
import { framesFrom } from '../../recording/playback/timeline.js';
import { journalHeader } from '../../recording/records.js';
import { JournalBytes } from '../../recording/sealing/journal-bytes.js';
import { stepsOf } from './steps.js';
import { TerminalReel, type TimedEvent } from './terminal-reel.js';
import { stepsUntil, type Track, type TrackStep } from './track.js';

const maxSegmentsAtHand = 12;
const maxDrawnSegmentsAtHand = 3;
/** Of a statement that began before a segment: enough for its columns and the rows that are shown. */
const maxWarmUpBytes = 1024 * 1024;
const firstLookMs = 200;

export interface JournalTrackOptions {
  readonly title: string;
  /** Of an encrypted journal. */
  readonly key: Uint8Array | null;
  /** Only what belongs to this operation, or to none; null: everything. */
  readonly op?: number | null;
  /** The file is complete as it is, and does not grow any more. */
  readonly isComplete: () => boolean;
}

/** Plays a journal's file out of itself: an outline that is made in small steps, and the parts that are looked at. */
export class JournalTrack implements Track {
  readonly title: string;
  readonly #bytes: JournalBytes;
  readonly #outline: JournalOutline;
  readonly #options: JournalTrackOptions;
  readonly #segments = new Map<number, { readonly end: number; readonly steps: readonly TrackStep[] }>();
  readonly #drawing = new Map<number, { readonly end: number; readonly events: readonly TimedEvent[] }>();
  readonly reel: TerminalReel;
  #open: OpenEvent | null = null;
  #isWhole = false;

  constructor(path: string, options: JournalTrackOptions) {
    this.title = options.title;
    this.#options = options;
    this.#bytes = new JournalBytes(path);
    this.#outline = new JournalOutline(this.#bytes);
    const { keyframes } = this.#outline;
    this.reel = new TerminalReel({
      get count() {
        return keyframes.length;
      },
      events: (index) => this.#drawn(index),
    });
    this.lookOn(firstLookMs);
  }

  get durationMs(): number {
    return this.#outline.durationMs;
  }
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Goes on with the outline for about so long. */
  lookOn(forMs: number): void {
    if (this.#isWhole) return;
    const complete = this.#options.isComplete(); // asked first: what grew before this is looked at now
    this.#isWhole = this.#outline.extend(forMs) && complete;
  }

  *before(atMs: number): Generator<TrackStep> {
    for (let index = this.#indexAt(atMs); index >= 0; index--) {
      const steps = this.#steps(index);
      for (let at = stepsUntil(steps, atMs) - 1; at >= 0; at--) {
        const step = steps[at];
        if (step !== undefined) yield step;
      }
    }
  }

  *after(atMs: number): Generator<TrackStep> {
    for (let index = this.#indexAt(atMs); index < this.#outline.keyframes.length; index++) {
      const steps = this.#steps(index);
      yield* steps.slice(stepsUntil(steps, atMs));
    }
  }

  statements(atMs: number): { readonly current: number; readonly total: number } {
    const index = this.#indexAt(atMs);
    const steps = this.#steps(index);
    const here = steps.slice(0, stepsUntil(steps, atMs)).filter((step) => step.statement).length;
    return { current: (this.#outline.keyframes[index]?.statements ?? 0) + here, total: this.#outline.statements };
  }

  /** The last segment that begins at or before this time. */
  #indexAt(atMs: number): number {
    const { keyframes } = this.#outline;
    let low = 0;
    let high = keyframes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((keyframes[middle]?.atMs ?? Infinity) <= atMs) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  #steps(index: number): readonly TrackStep[] {
    const keyframe = this.#outline.keyframes[index];
    if (keyframe === undefined) return [];
    const end = this.#outline.keyframes[index + 1]?.offset ?? this.#outline.end;
    const known = this.#segments.get(index);
    if (known !== undefined && known.end === end) return known.steps;
    const steps = this.#render(index, keyframe, end);
    keep(this.#segments, index, { end, steps }, maxSegmentsAtHand);
    return steps;
  }

  /** What terminals go by, of a segment. */
  #drawn(index: number): readonly TimedEvent[] {
    const keyframe = this.#outline.keyframes[index];
    if (keyframe === undefined) return [];
    const end = this.#outline.keyframes[index + 1]?.offset ?? this.#outline.end;
    const known = this.#drawing.get(index);
    if (known !== undefined && known.end === end) return known.events;
    if (this.#open === null && index > 0) this.#steps(0);
    const { key, op = null } = this.#options;
    const events: TimedEvent[] = [];
    let { atMs } = keyframe;
    for (const event of readSegment(this.#bytes, { from: keyframe.offset, to: end }, key)) {
      if (event.type === 'open') this.#open ??= event;
      atMs = Math.max(atMs, event.at - (this.#open?.at ?? event.at));
      const isDrawing = event.type === 'terminal' || event.type === 'result' || event.type === 'end';
      if (isDrawing && isOf(event, op)) events.push({ atMs, event });
    }
    keep(this.#drawing, index, { end, events }, maxDrawnSegmentsAtHand);
    return events;
  }

  #render(index: number, keyframe: Keyframe, end: number): readonly TrackStep[] {
    const scenes = this.#scenes(keyframe, end);
    const frames = framesFrom(scenes, { startedAt: this.#open?.at ?? 0, atMs: keyframe.atMs });
    return stepsOf(frames, new OutputLines(this.#lineBefore(index)));
  }

  #scenes(keyframe: Keyframe, end: number): readonly Scene[] {
    const { key, op = null } = this.#options;
    const stage = new Stage();
    const isFirst = keyframe.offset <= journalHeader.length;
    if (!isFirst) this.#warmUp(stage, keyframe);
    // Of one operation it is known whether it stood before this.
    stage.resume(op === null ? keyframe.statements : Number(keyframe.statements >= op));
    const scenes: Scene[] = [];
    for (const event of readSegment(this.#bytes, { from: keyframe.offset, to: end }, key)) {
      if (event.type === 'open') this.#open ??= event;
      if (isOf(event, op)) scenes.push(...stage.show(event));
    }
    return scenes;
  }

  /** Whether output stood in the middle of a line where this segment begins: the scene before it tells. */
  #lineBefore(index: number): LineEnd | null {
    const { keyframes } = this.#outline;
    for (let at = index - 1; at >= 0; at--) {
      const [keyframe, next] = [keyframes[at], keyframes[at + 1]];
      if (keyframe === undefined || next === undefined) return null;
      const scenes = this.#scenes(keyframe, next.offset);
      const last = scenes.findLastIndex(({ marker, text }) => marker !== 'terminal' && text !== '');
      const lines = new OutputLines();
      for (const scene of scenes.slice(Math.max(0, last))) lines.next(scene);
      if (scenes.some(({ text }) => text !== '')) return lines.end;
    }
    return null;
  }

  /** Who and where, and what the statement under way has brought so far: all that a later part needs to be shown. */
  #warmUp(stage: Stage, { offset, statementOffset }: Keyframe): void {
    if (this.#open === null) this.#steps(0);
    const show = (events: readonly SessionEvent[]): void => {
      for (const event of events) Array.from(stage.show(event)); // seen before: only what the stage keeps counts
    };
    if (this.#open !== null) show([this.#open]);
    // A piece that ends inside a record is read up to the record before.
    const to = Math.min(offset, statementOffset + maxWarmUpBytes);
    if (to > statementOffset && statementOffset > journalHeader.length) {
      show(readSegment(this.#bytes, { from: statementOffset, to }, this.#options.key));
    }
  }
}

/** Remembers the latest few. */
function keep<T>(known: Map<number, T>, index: number, value: T, most: number): void {
  known.delete(index);
  known.set(index, value);
  const [oldest] = known.keys();
  if (known.size > most && oldest !== undefined) known.delete(oldest);
}
