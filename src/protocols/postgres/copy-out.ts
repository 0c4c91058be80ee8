import { int32At } from '../../lib/bytes.js';
import { ByteOutput } from '../../masking/byte-output.js';
import { createCopyMasker } from '../../masking/copy-masker.js';
import type { CopyMasker } from '../../masking/types.js';
import { SluiceError } from '../../lib/errors.js';
import type { Conversation } from './conversation.js';
import { copyTreatments } from './copy-plan.js';
import { FieldReader, type Frame, type FrameReader, type FrameRun } from './frames.js';
import { asItMayRun } from './moved-names.js';
import type { Run } from './run.js';

const copyData = 0x64;
/** Byte1(type) Int32(length). */
const headBytes = 5;

/** Called before data leave; throws where policy ends the result. */
export type CountDelivered = (run: Run, rows: number, bytes: number) => void;

/** The COPY TO STDOUT under way, if any: its data are masked, counted and passed on. */
export class CopyOut {
  readonly #talk: Conversation;
  readonly #count: CountDelivered;
  #run: Run | null = null;

  constructor(talk: Conversation, count: CountDelivered) {
    this.#talk = talk;
    this.#count = count;
  }

  get isUnderWay(): boolean {
    return this.#run !== null;
  }

  /** CopyOutResponse: Int8(format) Int16(columns) Int16(format) × columns. PostgreSQL 55.7. */
  start(message: Frame, run: Run): void {
    const talk = this.#talk;
    const change = run.statement.changes.find((found) => found.type === 'copyOut');
    if (change?.type !== 'copyOut') throw new SluiceError('protocol', 'the target began a COPY that nobody asked for');
    const reader = new FieldReader(message.payload);
    reader.byte();
    const columns = copyTreatments(reader.int16(), asItMayRun(talk, run), run.catalog, talk.masking);
    const masked = columns.filter((column) => column.treatment.kind !== 'clear').map((column) => column.name);
    if (masked.length > 0) talk.incoming.observer?.masked?.(masked);
    for (const { revealed } of columns) talk.session.gate.tellRevealed(run.op, revealed);
    run.shows(columns.flatMap(({ revealed }) => revealed));
    run.copyMasker = createCopyMasker({
      format: change.format,
      csv: change.csv,
      columns,
      detectors: talk.incoming.classification.detectors,
      hashKey: talk.hashKey,
    });
    this.#run = run;
  }

  /** Takes all CopyData that have come, at once: the server sends each row in a message of its own. */
  take(reader: FrameReader): void {
    const run = this.#run;
    if (run === null) return;
    const data = reader.takeRun(copyData);
    if (data === null) return;
    if (run.seenChanges !== this.#talk.changes.version) this.#requireUnmoved(run);
    const { copyMasker } = run;
    if (copyMasker === null) this.#pass(run, data.bytes, data.start, data.end);
    else {
      const masked = maskedData(data, copyMasker);
      if (masked.length > 0) this.#pass(run, masked, 0, masked.length);
    }
  }

  /** What has been passed on cannot be masked any more, and a COPY is treated by its first line on. */
  #requireUnmoved(run: Run): void {
    if (asItMayRun(this.#talk, run, true) === run.statement) return;
    throw new SluiceError('unexpected', 'a function was changed while it was copied from; the session ends to be safe');
  }

  /** CopyDone. False when no COPY is under way. */
  done(): boolean {
    const run = this.#run;
    if (run === null) return false;
    const { copyMasker } = run;
    if (copyMasker !== null) {
      const out = new ByteOutput(256);
      const head = out.leave(headBytes);
      copyMasker.end(out);
      finishMessage(out, head);
      if (out.length > 0) this.#pass(run, out.bytes, 0, out.length);
    }
    this.#run = null;
    return true;
  }

  /** An error has ended it. */
  failed(): void {
    this.#run = null;
  }

  #pass(run: Run, bytes: Buffer, start: number, end: number): void {
    this.#count(run, 0, end - start);
    run.addCopied(bytes.subarray(start, end));
    this.#talk.spans.add(bytes, start, end);
  }
}

function maskedData({ bytes, start, end }: FrameRun, masker: CopyMasker): Buffer {
  const out = new ByteOutput(end - start);
  for (let at = start; at < end;) {
    const next = at + 1 + int32At(bytes, at + 1);
    const head = out.leave(headBytes);
    masker.push(bytes, at + headBytes, next, out);
    finishMessage(out, head);
    at = next;
  }
  return out.bytes;
}

/** CopyData: Byte1('d') Int32(length) Byten, around what has been written behind its head; none where that is nothing. */
function finishMessage(out: ByteOutput, head: number): void {
  const length = out.length - head;
  if (length === headBytes) return out.cut(head);
  out.setByte(head, copyData);
  out.setInt32(head + 1, length - 1);
}
