import { hashBytes } from '../chain.js';
import { journalHeader, maxRecordBytes, recordCodes } from '../records.js';
import type { JournalBytes } from '../sealing/journal-bytes.js';

const lengthBytes = 4;
/** Array head, code, time (nine bytes), and the code of what is encrypted. */
const headBytes = lengthBytes + 12;
/** A keyframe stands before a statement once this much has passed, and anywhere after four times as much. */
const segmentBytes = 256 * 1024;
const windowBytes = 256 * 1024;
const smallReadBytes = 4096;

/** Where playback can begin. */
export interface Keyframe {
  /** Of a record's length. */
  readonly offset: number;
  /** Milliseconds from the session's start until right before it. */
  readonly atMs: number;
  /** Statements before it. */
  readonly statements: number;
  /** The last statement before it: what happens behind the keyframe may be its. */
  readonly statementOffset: number;
}

/**
 * Where things are in a journal, by the heads of its records alone: a gigabyte is gone through in a moment, and a little
 * at a time. Follows a file that grows. What is played is checked against the chain when it is read.
 */
export class JournalOutline {
  readonly #bytes: JournalBytes;
  readonly #keyframes: Keyframe[] = [];
  #window = Buffer.alloc(0);
  #windowAt = 0;
  #offset = journalHeader.length;
  #startedAt: number | null = null;
  #lastMs = 0;
  #statements = 0;
  #statementOffset = journalHeader.length;
  #size = 0;

  constructor(bytes: JournalBytes) {
    this.#bytes = bytes;
  }

  get keyframes(): readonly Keyframe[] {
    return this.#keyframes;
  }
  /** Behind the last record that was looked at. */
  get end(): number {
    return this.#offset;
  }
  get size(): number {
    return this.#size;
  }
  get statements(): number {
    return this.#statements;
  }
  get durationMs(): number {
    return this.#lastMs;
  }

  /** Goes on for about so long. Says whether it is at the end of what there is. */
  extend(forMs: number): boolean {
    const until = performance.now() + forMs;
    this.#size = this.#bytes.size ?? this.#size;
    for (let count = 1; ; count++) {
      if (!this.#step()) return true;
      if (count % 512 === 0 && performance.now() > until) return false;
    }
  }

  #step(): boolean {
    const at = this.#offset;
    const head = this.#look(at);
    if (head === null) return false;
    const length = this.#window.readUInt32BE(head);
    const next = at + lengthBytes + length + hashBytes;
    if (length === 0 || length > maxRecordBytes || next > this.#size) return false;
    this.#take(head + lengthBytes, at);
    this.#offset = next;
    return true;
  }

  /** Body: array head, code, Int64 time (0x1b), and in an encrypted record the code of what it holds. */
  #take(body: number, at: number): void {
    const outer = this.#window[body + 1] ?? 0;
    const code = outer === recordCodes.encrypted ? (this.#window[body + 11] ?? 0) : outer;
    const isTimed = this.#window[body + 2] === 0x1b;
    const time = isTimed ? this.#window.readUInt32BE(body + 3) * 2 ** 32 + this.#window.readUInt32BE(body + 7) : null;
    const isStatement = code === recordCodes.operation || code === recordCodes.operationGroup;
    const last = this.#keyframes.at(-1);
    const passed = last === undefined ? Infinity : at - last.offset;
    if (passed >= 4 * segmentBytes || (isStatement && passed >= segmentBytes)) {
      const { durationMs: atMs, statements } = this;
      this.#keyframes.push({ offset: at, atMs, statements, statementOffset: this.#statementOffset });
    }
    if (isStatement) {
      this.#statements++;
      this.#statementOffset = at;
    }
    if (code === recordCodes.open && time !== null) this.#startedAt ??= time;
    if (time !== null && this.#startedAt !== null) this.#lastMs = Math.max(this.#lastMs, time - this.#startedAt);
  }

  /** Where the head of the record at `at` stands in the window; null when the file ends before. */
  #look(at: number): number | null {
    const inWindow = at - this.#windowAt;
    if (inWindow >= 0 && inWindow + headBytes <= this.#window.length) return inWindow;
    if (at + headBytes > this.#size) return null;
    // Behind large records little more than the next head is of use.
    const isFar = inWindow > this.#window.length + smallReadBytes;
    const target = Buffer.allocUnsafe(isFar ? smallReadBytes : windowBytes);
    const got = this.#bytes.read(target, at);
    this.#window = target.subarray(0, got);
    this.#windowAt = at;
    return got >= headBytes ? 0 : null;
  }
}
