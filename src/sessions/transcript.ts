import { createHash, type Hash } from 'node:crypto';
import type { Effect } from '../analysis/effects.js';
import { PassingBytes } from './passing-bytes.js';
import type { Permit } from './permit.js';
import type { Session } from './session.js';

/** Output: kept in the journal up to a cap, and from there on counted and digested. */
interface Lane {
  kept: number;
  total: number;
  digest: Hash | null;
}

export interface TranscriptOptions {
  /** What the program runs under: the reading of its output is judged again where policy counts it. */
  readonly permit: Permit;
  readonly effects: readonly Effect[];
  /** How much of the output is kept. */
  readonly keepBytes: number;
  readonly now: () => number;
}

/**
 * What a program and its user say to each other, as terminal events of the session's journal. Everything is appended;
 * whoever calls commits before the bytes move on.
 */
export class Transcript {
  readonly #session: Session;
  readonly #options: TranscriptOptions;
  readonly #output: Lane = { kept: 0, total: 0, digest: null };
  readonly #unkept: PassingBytes;
  readonly #input: PassingBytes;

  constructor(session: Session, options: TranscriptOptions) {
    this.#session = session;
    this.#options = options;
    const { permit, now } = options;
    const passing = { recorder: session.recorder, op: permit.op, now };
    this.#unkept = new PassingBytes({ ...passing, what: 'of output that is not kept' });
    this.#input = new PassingBytes({ ...passing, what: 'of input' });
  }

  /** Throws what policy says when a counter is over; then the bytes must not be delivered. */
  output(bytes: Buffer): void {
    const { permit, effects } = this.#options;
    this.#session.countRows(0, bytes.length, permit, effects);
    this.#write(this.#output, bytes);
  }

  /**
   * Throws what policy says when it may not go on. Counted, and nothing else: what is typed where nothing is echoed is a password, and what is piped in may be one. A
   * digest of so little would tell it as well. What is echoed stands in the output.
   */
  input(bytes: Buffer): void {
    const { permit, effects } = this.#options;
    const refused = this.#session.refusedNow(permit, effects);
    if (refused !== null) throw refused;
    this.#input.add(bytes.length);
  }

  resize(columns: number, rows: number): void {
    this.#append('r', Buffer.from(`${columns}x${rows}`));
  }

  /** How the program ended. */
  result(tag: string): void {
    const { digest, total } = this.#output;
    const { total: input } = this.#input;
    if (input > 0) this.#notice('input', `${input} bytes of input were counted and not kept.`);
    this.#session.recorder.append({
      type: 'result',
      at: this.#options.now(),
      op: this.#options.permit.op,
      tag,
      rowCount: 0,
      byteCount: total,
      truncated: digest !== null,
      digest: digest === null ? '' : digest.digest('hex'),
    });
  }

  #write(lane: Lane, bytes: Buffer): void {
    lane.total += bytes.length;
    const room = Math.max(0, this.#options.keepBytes - lane.kept);
    const kept = bytes.subarray(0, room);
    if (kept.length > 0) this.#append('o', kept);
    lane.kept += kept.length;
    if (kept.length === bytes.length) return;
    if (lane.digest === null) {
      lane.digest = createHash('sha256');
      this.#notice('truncated', `Output beyond ${this.#options.keepBytes} bytes is counted and digested, not kept.`);
    }
    lane.digest.update(bytes.subarray(room));
    this.#unkept.add(bytes.length - kept.length);
  }

  #notice(code: string, message: string): void {
    const { now, permit } = this.#options;
    this.#session.recorder.append({ type: 'notice', at: now(), op: permit.op, code, message });
  }

  #append(stream: 'o' | 'r', data: Buffer): void {
    const { now, permit } = this.#options;
    this.#session.recorder.append({ type: 'terminal', at: now(), op: permit.op, stream, data });
  }
}
