import type { ApprovalRequest } from '../../approvals/types.js';
import type { SluiceError } from '../../lib/errors.js';
import type { SessionObserver } from '../../sessions/types.js';

/** What the engine says of a session besides the protocol. */
export class ExecObserver implements SessionObserver {
  sessionId: string | null = null;
  request: ApprovalRequest | null = null;
  /** The request that people are being asked about now. */
  waiting: ApprovalRequest | null = null;
  refusal: SluiceError | null = null;
  /** Something was let through to the target, so it may have happened. */
  forwarded = false;
  /** Whatever was let through changes nothing. */
  reading = true;
  readonly maskedColumns = new Set<string>();
  #given = 0;
  #gaveOut: (rows: number) => void = () => undefined;

  session(id: string, gaveOut: (rows: number) => void): void {
    this.sessionId = id;
    this.#gaveOut = gaveOut;
  }
  /** The caller gets so many rows more, of more that were read. */
  give(rows: number): void {
    this.#given += rows;
    this.#gaveOut(this.#given);
  }
  held(request: ApprovalRequest): void {
    this.request = request;
    this.waiting = request;
  }
  allowed(reading: boolean): void {
    this.forwarded = true;
    this.waiting = null;
    this.reading &&= reading;
  }
  refused(error: SluiceError): void {
    this.refusal ??= error;
    this.waiting = null;
  }
  masked(columns: readonly string[]): void {
    for (const column of columns) this.maskedColumns.add(column);
  }
}
