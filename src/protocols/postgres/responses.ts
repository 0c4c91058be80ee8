import { SluiceError } from '../../lib/errors.js';
import { scrubError } from '../../masking/scrub.js';
import type { Conversation } from './conversation.js';
import { decodeErrorFields, encodeFields, type ErrorFields } from './errors.js';
import { FieldReader, type Frame, type FrameReader } from './frames.js';
import { passNotification, requirePinned } from './asynchronous.js';
import { CopyOut } from './copy-out.js';
import { asItMayRun, noteMovedCopies, withholdMoved } from './moved-names.js';
import { planResult, type ResultPlan } from './result-plan.js';
import type { Run } from './run.js';
import { publicNames, runOf, shownFields } from './shown-fields.js';
import type { Expected } from './tracker.js';
import { commandComplete } from './words.js';

const dataRow = 0x44;
/** Messages that are passed on as they are, or of which only copies are kept. */
const copied: ReadonlySet<number> = new Set(Buffer.from('123CDIZTcnst'));

/** The target's half: frame → verbatim, masked, rewritten or swallowed; the tracker says what each one answers. */
export class ServerResponses {
  readonly #talk: Conversation;
  /** Runs that have rows to record before this chunk is delivered. */
  #touched: Run | null = null;
  /** Something has failed since the last ReadyForQuery. */
  #failed = false;
  /** The statement completed last was a ROLLBACK, whole or to a savepoint. */
  #rolledBack = false;
  readonly #copyOut: CopyOut;

  constructor(talk: Conversation) {
    this.#talk = talk;
    this.#copyOut = new CopyOut(talk, (run, rows, bytes) => this.#count(run, rows, bytes));
  }

  /**
   * Handles everything whole in the reader, and says whether it has all been passed on or copied: nothing but what waits
   * for the client refers to the reader's memory any more. Throws `protocol` when the server breaks the protocol.
   */
  take(reader: FrameReader): boolean {
    let passed = true;
    for (;;) {
      if (this.#copyOut.isUnderWay) this.#copyOut.take(reader);
      else {
        const run = this.#currentRun();
        if (run !== null) withholdMoved(this.#talk, run);
        if (run !== null && run.plan !== null) this.#rows(run, run.plan, reader);
      }
      const message = reader.next();
      if (message === null) break;
      passed &&= copied.has(message.type) && !this.#talk.view.isAsking;
      this.#handle(message);
    }
    this.#flushRows();
    return passed;
  }

  /** Passes a message on as it came. */
  #pass(message: Frame): void {
    message.passTo(this.#talk.spans);
  }

  #handle(message: Frame): void {
    const talk = this.#talk;
    if (talk.view.takes(message)) return;
    const type = String.fromCharCode(message.type);
    switch (type) {
      case 'D':
        throw new SluiceError('protocol', 'the target sent rows it did not describe');
      case 'C':
        return this.#complete(message, new FieldReader(message.payload).string());
      case 'I':
        return this.#complete(message, '');
      case 's':
        return this.#suspended(message);
      case 'Z':
        return this.#ready(message);
      case '1':
        return this.#parsed(message);
      case '2':
        this.#expect('bind');
        return this.#pass(message);
      case '3':
        return this.#closed(message);
      case 't':
        if (talk.tracker.head?.type !== 'describeStatement') throw unexpected(message);
        return this.#pass(message);
      case 'T':
        return this.#description(message);
      case 'n':
        return this.#noData(message);
      case 'E':
        return this.#error(message);
      case 'N':
        return this.#notice(message);
      case 'S':
        requirePinned(talk, message);
        return this.#pass(message);
      case 'A':
        return passNotification(talk, message);
      case 'G':
        return this.#copyInStarts(message);
      case 'H':
        return this.#copyOutStarts(message);
      case 'c':
        return this.#copyDone(message);
      default:
        throw unexpected(message);
    }
  }

  // Results

  #currentRun(): Run | null {
    const head = this.#talk.tracker.head;
    if (head?.type === 'execute') return head.run;
    if (head?.type === 'query' && !head.failed) return head.runs[head.at] ?? null;
    return null;
  }

  #requireRun(message: Frame): Run {
    const run = this.#currentRun();
    if (run === null) throw unexpected(message);
    return run;
  }

  #description(message: Frame): void {
    const head = this.#talk.tracker.head;
    if (head?.type === 'describeStatement') {
      this.#talk.tracker.shift();
      return this.#pass(message);
    }
    const run = head?.type === 'describePortal' ? head.run : this.#requireRun(message);
    run.plan = this.#plan(message.payload, run);
    if (head?.type !== 'describePortal') return this.#pass(message);
    this.#talk.tracker.shift();
    if (!head.hidden) this.#pass(message);
  }

  #plan(payload: Buffer, run: Run): ResultPlan {
    const talk = this.#talk;
    const catalog = talk.view.sharedOr(run.catalog);
    const { gate } = talk.session;
    const { basis } = gate;
    const statement = asItMayRun(talk, run);
    const known = run.plans?.plan ?? null;
    if (
      known !== null &&
      statement === run.statement &&
      known.catalog === catalog &&
      known.basis === basis &&
      known.result.description.equals(payload) &&
      // What may be seen can depend on the hour, or on how much was read, as well.
      (known.result.revealed.length === 0 || gate.reveals(known.result.revealed).every((allowed) => allowed))
    ) {
      return known.result;
    }
    const result = planResult(Buffer.from(payload), statement, catalog, talk.masking);
    // Masked by another catalog than it was analysed with (a cursor's query by that of DECLARE): a column may be
    // protected now that was not then. It is masked; only a disagreement about one catalog is a fault.
    const isFetched = run.statement.changes.some((change) => change.type === 'fetch');
    if (result.disagreements.length > 0 && catalog === run.catalog && !isFetched) {
      throw new SluiceError(
        'unexpected',
        `masking disagreement on column "${result.disagreements.join('", "')}"; the session ends to be safe`,
      );
    }
    if (result.staleCatalog) talk.catalogs.invalidate(talk.incoming.target);
    if (result.masked.length > 0) talk.incoming.observer?.masked?.(result.masked);
    if (run.plans !== null && statement === run.statement) run.plans.plan = { result, catalog, basis };
    return result;
  }

  #noData(message: Frame): void {
    const { tracker } = this.#talk;
    const head = tracker.head;
    if (head?.type !== 'describePortal' && head?.type !== 'describeStatement') throw unexpected(message);
    tracker.shift();
    if (head.type === 'describeStatement' || !head.hidden) this.#pass(message);
  }

  /** All rows that have come, at once. */
  #rows(run: Run, { masker, revealed }: ResultPlan, reader: FrameReader): void {
    const rows = reader.takeRun(dataRow);
    if (rows === null) return;
    if (revealed.length > 0) this.#talk.session.gate.tellRevealed(run.op, revealed);
    if (masker === null) this.#passRows(run, rows.bytes, rows.start, rows.end, rows.count);
    else {
      masker.maskRows(rows.bytes, rows.start, rows.end, (bytes, start, end, count) =>
        this.#passRows(run, bytes, start, end, count),
      );
    }
  }

  #passRows(run: Run, bytes: Buffer, start: number, end: number, count: number): void {
    if (this.#touched !== run) this.#flushRows();
    this.#touched = run;
    this.#count(run, count, end - start);
    run.addRows(bytes.subarray(start, end), count);
    this.#talk.spans.add(bytes, start, end);
  }

  #flushRows(): void {
    this.#touched?.flushRows(this.#talk.session.recorder, this.#talk.now());
    this.#touched = null;
  }

  #complete(message: Frame, tag: string): void {
    const { tracker, session, now } = this.#talk;
    const head = tracker.head;
    // An empty query has no statement, yet is answered.
    if (head?.type === 'query' && head.runs.length === 0 && message.type === 0x49) return this.#pass(message);
    const run = this.#requireRun(message);
    run.complete(session.recorder, now(), tag);
    this.#touched = null;
    run.onDone?.(tag);
    noteMovedCopies(this.#talk, run);
    this.#rolledBack = tag === 'ROLLBACK';
    // In a pipeline more follows before ReadyForQuery says that the transaction does not fail any more.
    if (this.#rolledBack && this.#talk.transaction === 'E') this.#talk.transaction = 'T';
    if (tag === 'COMMIT') this.#committed();
    if (head?.type === 'query') head.at++;
    else tracker.shift();
    this.#pass(message);
  }

  /** More may follow in the same text or pipeline: what came before is everybody's, whatever becomes of that. */
  #committed(): void {
    this.#talk.session.transactionEnded(true);
    this.#tellOfChanges();
  }

  /** What DDL changed is now visible to others. */
  #tellOfChanges(): void {
    const talk = this.#talk;
    if (!talk.catalogChanged) return;
    talk.catalogChanged = false;
    talk.catalogs.invalidate(talk.incoming.target);
  }

  #suspended(message: Frame): void {
    const { tracker, session, now } = this.#talk;
    const head = tracker.head;
    if (head?.type !== 'execute') throw unexpected(message);
    head.run.complete(session.recorder, now(), '');
    this.#touched = null;
    tracker.shift();
    this.#pass(message);
  }

  #parsed(message: Frame): void {
    const { tracker } = this.#talk;
    const { head } = tracker;
    if (head?.type !== 'parse') throw unexpected(message);
    tracker.shift();
    if (!head.hidden) this.#pass(message);
  }

  #closed(message: Frame): void {
    const { tracker, session, now } = this.#talk;
    const head = tracker.head;
    if (head?.type === 'deallocate') {
      tracker.shift();
      head.run.complete(session.recorder, now(), 'DEALLOCATE');
      return this.#talk.toClient(commandComplete('DEALLOCATE'));
    }
    if (head?.type !== 'close') throw unexpected(message);
    tracker.shift();
    if (!head.hidden) this.#pass(message);
  }

  #ready(message: Frame): void {
    const talk = this.#talk;
    const head = talk.tracker.head;
    if (head?.type !== 'sync' && head?.type !== 'query') throw unexpected(message);
    talk.tracker.shift();
    const status = String.fromCharCode(message.payloadByte(0));
    if (message.payloadLength !== 1 || (status !== 'I' && status !== 'T' && status !== 'E')) throw unexpected(message);
    talk.transaction = status;
    if (status === 'I') this.#transactionEnded(head.era);
    this.#failed = false;
    this.#pass(message);
  }

  /** Portals end with their transaction, cursors too unless WITH HOLD. */
  #transactionEnded(era: number): void {
    const talk = this.#talk;
    talk.session.transactionEnded(!this.#failed && !this.#rolledBack);
    for (const [name, portal] of talk.portals) if (portal.era <= era) talk.portals.delete(name);
    talk.names.transactionEnded(this.#failed);
    talk.view.transactionEnded(era);
    talk.changes.ended(talk, era);
    talk.copies.transactionEnded(era, this.#failed);
    // What was sent meanwhile is in the next one.
    if (talk.tracker.isEmpty) talk.touched = false;
    this.#tellOfChanges();
  }

  #expect(type: Expected['type']): void {
    const head = this.#talk.tracker.head;
    if (head?.type !== type) throw new SluiceError('protocol', `the target answered ${type} out of turn`);
    this.#talk.tracker.shift();
  }

  // Errors, notices, asynchronous messages

  #error(message: Frame): void {
    const talk = this.#talk;
    this.#failed = true;
    const fields = publicNames(talk, decodeErrorFields(message.payload));
    talk.copyIn = null;
    this.#copyOut.failed();
    const head = talk.tracker.head;
    if (head === undefined) {
      // Outside any request the server only speaks to say goodbye (shutdown, administrator command).
      const shown = scrubError(fields);
      this.#record('error', null, shown);
      return talk.toClient(encodeFields('E', shown));
    }
    if (head.type === 'refusal') {
      talk.tracker.shift();
      talk.toClient(encodeFields('E', head.fields));
    } else {
      const run = runOf(head);
      if (run !== null) talk.copies.failed(run.maker);
      const shown = shownFields(talk, fields, head);
      if (head.type !== 'collision') this.#record('error', run?.op ?? null, shown);
      else if (head.op !== null) this.#record('error', head.op, shown);
      talk.toClient(encodeFields('E', shown));
    }
    if (head.type === 'query') {
      head.failed = true;
      return;
    }
    if (head.type === 'sync') return;
    if (!talk.tracker.dropToSync().syncQueued) talk.skipping = true;
  }

  #notice(message: Frame): void {
    const fields = decodeErrorFields(message.payload);
    const shown = shownFields(this.#talk, fields, this.#talk.tracker.head);
    this.#record('notice', this.#currentRun()?.op ?? null, shown);
    this.#talk.toClient(shown === fields ? message.whole : encodeFields('N', shown));
  }

  #record(type: 'error' | 'notice', op: number | null, fields: ErrorFields): void {
    const { session, now } = this.#talk;
    const code = fields.get('C') ?? '';
    const message = fields.get('M') ?? '';
    if (type === 'error') session.recorder.append({ type, at: now(), op, decider: 'target', code, message });
    else session.recorder.append({ type, at: now(), op, code, message });
  }

  // COPY

  #copyInStarts(message: Frame): void {
    const run = this.#requireRun(message);
    if (!run.statement.changes.some((change) => change.type === 'copyIn')) throw unexpected(message);
    this.#talk.copyIn = run;
    this.#pass(message);
  }

  #copyOutStarts(message: Frame): void {
    this.#copyOut.start(message, this.#requireRun(message));
    this.#pass(message);
  }

  #copyDone(message: Frame): void {
    if (!this.#copyOut.done()) throw unexpected(message);
    this.#pass(message);
  }

  /** Throws where policy ends the result here: what was delivered before is recorded, and nothing of this follows. */
  #count(run: Run, rows: number, bytes: number): void {
    const { session, now } = this.#talk;
    try {
      session.countRows(rows, bytes, run.permit, run.readEffects);
    } catch (error) {
      run.complete(session.recorder, now(), '');
      this.#touched = null;
      throw error;
    }
  }
}

function unexpected(message: Frame): SluiceError {
  return new SluiceError('protocol', `the target sent message 0x${message.type.toString(16)} out of turn`);
}
