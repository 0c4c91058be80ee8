import { CborError } from './cbor.js';
import type { ChainHead } from './chain.js';
import { decodeRecord } from './event-decoder.js';
import type { EndEvent } from './events.js';
import { formatVersion, journalHeader, recordCodes, type BindingRecord, type CheckpointRecord } from './records.js';
import { chunksOf, RecordScanner, type RecordingSource, type ScannedRecord } from './scan.js';
import { SealedFileError } from './sealing/members.js';
import { checkpointProblem, type PublicKeys } from './signing.js';
import type { JournalVerdict, RecordProblem } from './types.js';

export interface VerifyOptions {
  /** Accept a journal that has no signed end yet: valid so far. */
  readonly allowOpen?: boolean;
}

/**
 * Checks one journal: every hash, every signature, what each record may follow, and that it ends with a signed end.
 * It needs nothing but the bytes and the public keys that are trusted. Never throws for what the bytes hold.
 */
export async function verifyJournal(
  source: RecordingSource,
  keys: PublicKeys,
  options: VerifyOptions = {},
): Promise<JournalVerdict> {
  const check = new JournalCheck(keys, { reads: true });
  try {
    for await (const chunk of chunksOf(source)) {
      check.push(chunk);
      if (check.failed) break;
    }
  } catch (error) {
    if (!(error instanceof SealedFileError)) throw error;
    check.stop(error.message);
  }
  return check.finish(options.allowOpen === true);
}

/** The journal's code, which starts every body: Array head, then an integer under 24. */
function codeOf(record: ScannedRecord): number {
  return record.body[1] ?? -1;
}

/** The rules of a journal, record by record; `verifyJournal` and recovery ask it. */
export class JournalCheck {
  readonly #keys: PublicKeys;
  readonly #scanner = new RecordScanner(journalHeader);
  #binding: BindingRecord | null = null;
  #firstHash: string | null = null;
  #problem: RecordProblem | null = null;
  #sound = 0;
  #soundBytes = 0;
  #soundHash: Buffer | null = null;
  #signed = 0;
  #end: EndEvent | null = null;
  #closed = false;
  readonly #reads: boolean;

  /** With `reads`, a record whose chain is right and that says nothing readable is a problem as well. */
  constructor(keys: PublicKeys, { reads }: { readonly reads: boolean }) {
    this.#keys = keys;
    this.#reads = reads;
  }

  get failed(): boolean {
    return this.#problem !== null || this.#scanner.problem !== null;
  }
  /** The end event, signed or not. */
  get end(): EndEvent | null {
    return this.#end;
  }
  /** The place to go on writing from; null before the first sound record. */
  get head(): ChainHead | null {
    return this.#soundHash === null ? null : { count: this.#sound, hash: this.#soundHash };
  }
  /** All records before the first problem are in order: the file may just have been torn there. */
  get mayBeTorn(): boolean {
    return this.#problem === null;
  }

  push(chunk: Buffer): void {
    for (const record of this.#scanner.push(chunk)) {
      const message = this.#judge(record);
      if (message !== null) {
        this.#problem = { record: record.index, byte: record.offset, message };
        return;
      }
      this.#sound = record.index;
      this.#soundBytes = this.#scanner.offset;
      this.#soundHash = record.hash;
    }
  }

  /** Nothing more can be read, and this is why. */
  stop(message: string): void {
    this.#problem ??= { record: this.#sound + 1, byte: this.#soundBytes, message };
  }

  finish(allowOpen: boolean): JournalVerdict {
    const problem = this.#problem ?? this.#endProblem(allowOpen);
    return {
      valid: problem === null,
      session: this.#binding?.session ?? null,
      records: this.#sound,
      bytes: this.#soundBytes,
      closed: this.#closed,
      problem,
      signed: this.#signed,
      firstHash: this.#firstHash,
      headHash: this.#soundHash?.toString('hex') ?? null,
      key: this.#binding?.key ?? null,
    };
  }

  #endProblem(allowOpen: boolean): RecordProblem | null {
    const torn = this.#scanner.finish();
    if (torn !== null && !(torn.torn && allowOpen && !this.#closed && this.#signed > 0)) {
      return { record: torn.record, byte: torn.byte, message: torn.message };
    }
    const here = { record: this.#sound, byte: this.#scanner.offset };
    if (this.#signed === 0) return { ...here, message: 'nothing in it is signed' };
    if (this.#closed || allowOpen) return null;
    return { ...here, message: 'not closed: the signed end is missing, so records may have been cut off' };
  }

  #judge(record: ScannedRecord): string | null {
    if (this.#closed) return 'there is a record after the signed end';
    const code = codeOf(record);
    try {
      if (record.index === 1) return this.#judgeBinding(record);
      if (record.index === 2 && code !== recordCodes.open) return 'the second record does not open the session';
      if (code === recordCodes.checkpoint) {
        const checkpoint = decodeRecord(record.body);
        if (checkpoint.type !== 'checkpoint') return 'not a signature';
        return this.#judgeCheckpoint(checkpoint);
      }
      if (this.#end !== null) return 'there is a record between the end and its signature';
      if (code === recordCodes.binding) return 'a second journal begins inside this one';
      if (code === recordCodes.open || code === recordCodes.end) return this.#judgeOpenOrEnd(record);
      if (this.#reads) decodeRecord(record.body);
      return null;
    } catch (error) {
      if (error instanceof CborError) return `cannot be decoded: ${error.message}`;
      throw error;
    }
  }

  #judgeBinding(record: ScannedRecord): string | null {
    const binding = decodeRecord(record.body);
    if (binding.type !== 'binding') return 'the first record does not say what this journal is';
    this.#firstHash = record.hash.toString('hex');
    this.#binding = binding;
    if (binding.version !== formatVersion) return `format version ${binding.version} is not known here`;
    return null;
  }

  #judgeOpenOrEnd(record: ScannedRecord): string | null {
    const event = decodeRecord(record.body);
    if (event.type === 'end') {
      this.#end = event;
      return null;
    }
    if (event.type !== 'open' || record.index !== 2) return 'a session opens in the middle of the journal';
    return event.session === this.#binding?.session ? null : 'it is the opening of another session';
  }

  #judgeCheckpoint(checkpoint: CheckpointRecord): string | null {
    const before = { count: this.#sound, hash: this.#soundHash ?? Buffer.alloc(0) };
    const problem = checkpointProblem(checkpoint, before, this.#keys.get(this.#binding?.key ?? ''));
    if (problem !== null) return problem;
    this.#signed = before.count + 1;
    this.#closed = this.#end !== null;
    return null;
  }
}
