import type { Permit } from '../../sessions/gate.js';
import type { DialledTarget } from './dial.js';
import { cString, frame, int32 } from './frames.js';

const describeStatement = Buffer.from('S');
const describePortal = Buffer.from('P');
const sync = frame('S');
const flush = frame('H');
const copyDone = frame('c');
const terminate = frame('X');

/**
 * The target's end. What runs or prepares anything demands a Permit and takes its text from it: judged is forwarded.
 * Messages queue until `release`, so that the journal is written before the first of them leaves.
 */
export class Backend {
  readonly dialled: DialledTarget;
  #queue: Buffer[] = [];

  constructor(dialled: DialledTarget) {
    this.dialled = dialled;
  }

  /** Query: Byte1('Q') Int32(length) String(text). PostgreSQL 55.7. */
  query(permit: Permit): void {
    this.#queue.push(frame('Q', cString(genuine(permit).text)));
  }

  /** Parse: Byte1('P') Int32(length) String(statement) String(text) Int16(n) Int32(type) × n. */
  parse(permit: Permit, statement: string, types: Buffer): void {
    this.#queue.push(frame('P', cString(statement), cString(genuine(permit).text), types));
  }

  /** Bind: Byte1('B') Int32(length) String(portal) String(statement), then formats, values and result formats as decoded. */
  bind(permit: Permit, portal: string, statement: string, values: Buffer): void {
    genuine(permit);
    this.#queue.push(frame('B', cString(portal), cString(statement), values));
  }

  /** Execute: Byte1('E') Int32(length) String(portal) Int32(rows, 0 for all). */
  execute(permit: Permit, portal: string, maxRows: number): void {
    genuine(permit);
    this.#queue.push(frame('E', cString(portal), int32(maxRows)));
  }

  /** CopyData and CopyDone of a permitted COPY FROM STDIN; `whole` is the client's frame. */
  copyData(permit: Permit, whole: Buffer): void {
    genuine(permit);
    this.#queue.push(whole);
  }
  copyDone(permit: Permit): void {
    genuine(permit);
    this.#queue.push(copyDone);
  }
  /** CopyFail: only ever ends a COPY. */
  copyFail(reason: string): void {
    this.#queue.push(frame('f', cString(reason)));
  }

  describe(kind: 'statement' | 'portal', name: string): void {
    this.#queue.push(frame('D', kind === 'statement' ? describeStatement : describePortal, cString(name)));
  }
  close(kind: 'statement' | 'portal', name: string): void {
    this.#queue.push(frame('C', kind === 'statement' ? describeStatement : describePortal, cString(name)));
  }
  sync(): void {
    this.#queue.push(sync);
  }
  flush(): void {
    this.#queue.push(flush);
  }

  /**
   * Makes the server itself report an error in place of a refused message (Execute of a portal that cannot exist), so
   * that its transaction state and its skipping up to Sync are true. The client never sees this error's own text.
   */
  fail(): void {
    this.#queue.push(frame('E', cString('sluice_refused'), int32(0)));
  }

  get hasQueued(): boolean {
    return this.#queue.length > 0;
  }

  /** Writes what is queued; false when the socket asks to wait for 'drain'. Call only after the journal is committed. */
  release(): boolean {
    const queue = this.#queue;
    if (queue.length === 0) return true;
    this.#queue = [];
    const { socket } = this.dialled;
    if (socket.destroyed) return true;
    return socket.write(queue.length === 1 ? (queue[0] ?? sync) : Buffer.concat(queue));
  }

  /** Says goodbye: Terminate, then the end of the stream. */
  end(): void {
    const { socket } = this.dialled;
    if (!socket.destroyed) socket.end(terminate);
  }
  destroy(): void {
    this.dialled.socket.destroy();
  }
}

function genuine(permit: Permit): Permit {
  if (!permit.genuine) throw new TypeError('not a permit');
  return permit;
}
