import type { JournalOpener } from '../encryption/journal-opener.js';
import type { SessionEvent } from '../events.js';
import { eventsOf, journalHeader, type JournalRecord } from '../records.js';
import { RecordScanner } from '../scan.js';
import { JournalBytes } from '../sealing/journal-bytes.js';
import { isSkipped, type EventReader } from './event-reader.js';

const pieceBytes = 256 * 1024;

export interface TailPosition {
  readonly bytes: number;
  readonly records: number;
  readonly hash: Buffer | null;
}

/** Follows one journal as it grows, from where it was left. */
export class JournalTail {
  readonly #source: JournalBytes;
  readonly #scanner: RecordScanner;
  /** Bytes handed to the scanner. */
  #read: number;
  /** Decrypts, where there is an identity for it; what is encrypted and cannot be read is left out. */
  readonly #opener: JournalOpener | null;
  readonly #reader: EventReader;

  constructor(path: string, from: TailPosition, opener: JournalOpener | null, reader: EventReader) {
    this.#reader = reader;
    this.#source = new JournalBytes(path);
    this.#opener = opener;
    const { bytes, records, hash } = from;
    this.#read = hash === null ? 0 : bytes;
    this.#scanner =
      hash === null
        ? new RecordScanner(journalHeader)
        : RecordScanner.after(journalHeader, { count: records, offset: bytes, hash });
  }

  get position(): TailPosition {
    const { count, offset, hash } = this.#scanner;
    return { bytes: offset, records: count, hash: count === 0 || hash === null ? null : Buffer.from(hash) };
  }

  /**
   * Gives the next events, from at most about 256 KiB, and no further than byte `to`. False when there is no more.
   * `live`: this process is writing them.
   */
  read(to: number, live: boolean, each: (event: SessionEvent) => void): boolean {
    const wanted = Math.min(pieceBytes, to - this.#read);
    if (wanted <= 0 || this.#scanner.problem !== null) return false;
    const piece = Buffer.allocUnsafe(wanted);
    const got = this.#readPiece(piece);
    if (got === 0) return false;
    this.#read += got;
    this.#scanner.trusted = live;
    for (const { body } of this.#scanner.push(piece.subarray(0, got))) {
      const record = this.#reader.read(body, each);
      if (record !== null) this.#eachIn(record, each);
    }
    this.#throwIfDamaged();
    return this.#read < to;
  }

  #eachIn(record: JournalRecord, each: (event: SessionEvent) => void): void {
    if (record.type === 'encrypted' && isSkipped(record.code)) return;
    for (const event of this.#opener?.eventsIn(record) ?? eventsOf(record)) each(event);
  }

  #throwIfDamaged(): void {
    const { problem } = this.#scanner;
    if (problem !== null) throw new Error(`record ${problem.record}: ${problem.message}`);
  }

  #readPiece(piece: Buffer): number {
    return this.#source.read(piece, this.#read);
  }
}
