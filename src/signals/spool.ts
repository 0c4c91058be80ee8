import { mkdir, open, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const maxSegmentBytes = 8 * 1024 * 1024;
/** More than any line: texts and lists in events are clipped. */
const maxPieceBytes = 512 * 1024;

/** What must be known to go on numbering after a restart; each segment begins with it. */
export interface SpoolState {
  /** Of the last event. */
  sequence: number;
  /** Of the last act on the gateway that was taken from the audit trail; null before the first start. */
  trail: number | null;
  /** How many events there have been of each session that has not ended. */
  readonly open: Map<string, number>;
}

const headerSchema = z.object({
  spool: z.literal(1),
  sequence: z.int(),
  trail: z.int().nullable(),
  open: z.record(z.string(), z.int()),
});
const lineSchema = z.object({
  sequence: z.int(),
  event: z.string(),
  session: z.string().nullable(),
  source_sequence: z.int().nullable(),
});
export type SpooledLine = z.infer<typeof lineSchema>;

/** What one more event changes. Acts on recordings name a session too, but are numbered by the trail. */
export function advance(state: SpoolState, line: SpooledLine): void {
  state.sequence = line.sequence;
  if (line.source_sequence === null) return;
  const isOfSession = /^(session\.(opened|ended|failed)|operation\.|approval\.)/.test(line.event);
  if (!isOfSession) state.trail = line.source_sequence;
  else if (line.session === null) return;
  else if (line.event === 'session.ended') state.open.delete(line.session);
  else state.open.set(line.session, line.source_sequence);
}

export interface NumberedLine {
  readonly sequence: number;
  readonly line: string;
}
/** Behind which line a reader stands; segment and offset only spare it to look for that. */
export interface SpoolPosition {
  readonly sequence: number;
  readonly segment: number | null;
  readonly offset: number;
}

/** Numbered lines on the disk, in segments, until every sink has taken them. */
export class Spool {
  readonly state: SpoolState;
  readonly #dir: string;
  /** First sequence of each segment, in order; the last is being written. */
  readonly #segments: number[];
  #size: number;

  private constructor(dir: string, segments: number[], size: number, state: SpoolState) {
    this.#dir = dir;
    this.#segments = segments;
    this.#size = size;
    this.state = state;
  }

  static async open(dir: string): Promise<Spool> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const names = await readdir(dir);
    const segments = names
      .flatMap((name) => (/^\d{16}\.jsonl$/.test(name) ? [Number(name.slice(0, 16))] : []))
      .sort((one, other) => one - other);
    const state: SpoolState = { sequence: 0, trail: null, open: new Map() };
    let size = 0;
    const last = segments.at(-1);
    if (last !== undefined) size = await restore(join(dir, nameOf(last)), state);
    const spool = new Spool(dir, segments, size, state);
    if (last === undefined || size === 0) await spool.#rotate();
    return spool;
  }

  /** Appends whole lines whose events `state` has been advanced by; resolves when the system has them. */
  async append(lines: string): Promise<void> {
    const file = await open(this.#pathOf(this.#segments.at(-1) ?? 1), 'a', 0o600);
    try {
      await file.writeFile(lines);
      this.#size += Buffer.byteLength(lines);
    } catch (error) {
      await file.truncate(this.#size).catch(() => undefined); // half a line must not stand before the next
      throw error;
    } finally {
      await file.close();
    }
    if (this.#size >= maxSegmentBytes) await this.#rotate();
  }

  /** The next whole lines; none when there are no more yet. */
  async read(from: SpoolPosition): Promise<{ readonly lines: readonly NumberedLine[]; readonly next: SpoolPosition }> {
    const index = Math.max(
      0,
      this.#segments.findLastIndex((first) => first <= from.sequence + 1),
    );
    let { sequence } = from;
    for (const first of this.#segments.slice(index)) {
      const offset = first === from.segment ? from.offset : 0;
      const text = await readPiece(this.#pathOf(first), offset);
      const lines: NumberedLine[] = [];
      for (const line of text.split('\n')) {
        const number = Number(/"sequence":(\d+),"gateway"/.exec(line)?.[1] ?? 0);
        if (number > sequence) lines.push({ sequence: number, line });
      }
      sequence = lines.at(-1)?.sequence ?? sequence;
      const next = { sequence, segment: first, offset: offset + Buffer.byteLength(text) };
      if (lines.length > 0) return { lines, next };
    }
    return { lines: [], next: from };
  }

  /** Everything up to `sequence` has been taken by all. */
  async release(sequence: number): Promise<void> {
    while (this.#segments.length > 1 && (this.#segments[1] ?? Infinity) <= sequence + 1) {
      const [first] = this.#segments.splice(0, 1);
      if (first !== undefined) await rm(this.#pathOf(first), { force: true });
    }
  }

  async #rotate(): Promise<void> {
    const { sequence, trail, open: sessions } = this.state;
    const header = `${JSON.stringify({ spool: 1, sequence, trail, open: Object.fromEntries(sessions) })}\n`;
    const first = sequence + 1;
    const file = await open(this.#pathOf(first), 'w', 0o600);
    try {
      await file.writeFile(header);
      await file.sync();
    } finally {
      await file.close();
    }
    if (this.#segments.at(-1) !== first) this.#segments.push(first);
    this.#size = header.length;
  }

  #pathOf(first: number): string {
    return join(this.#dir, nameOf(first));
  }
}

function nameOf(first: number): string {
  return `${String(first).padStart(16, '0')}.jsonl`;
}

/** Reads a segment into `state` and cuts off a torn last line. Gives its size; 0 when not even its header is whole. */
async function restore(path: string, state: SpoolState): Promise<number> {
  const text = await readFile(path);
  const sound = text.lastIndexOf(0x0a) + 1;
  const [header = '', ...lines] = text.subarray(0, sound).toString('utf8').split('\n');
  const {
    sequence,
    trail,
    open: sessions,
  } = header === ''
    ? { sequence: Number(/(\d{16})\.jsonl$/.exec(path)?.[1] ?? 1) - 1, trail: null, open: {} }
    : headerSchema.parse(JSON.parse(header));
  state.sequence = sequence;
  state.trail = trail;
  for (const [session, count] of Object.entries(sessions)) state.open.set(session, count);
  for (const line of lines) if (line !== '') advance(state, lineSchema.parse(JSON.parse(line)));
  if (sound < text.length) await truncate(path, sound);
  return sound;
}

/** Whole lines from `offset` on, about half a megabyte of them. */
async function readPiece(path: string, offset: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(maxPieceBytes), position: offset });
    return buffer.subarray(0, buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1).toString('utf8');
  } finally {
    await file.close();
  }
}
