import type { Permit } from '../../sessions/permit.js';
import type { DialledTarget } from './dial.js';
import type { Frame } from './frames.js';

const slabBytes = 8 * 1024;
/** Longer texts are written by native code, which is faster for them. */
const longestWritten = 24;

/**
 * The target's end. What runs or prepares anything demands a Permit and takes its text from it: judged is forwarded.
 * Messages queue until `release`, so that the journal is written before the first of them leaves.
 */
export class Backend {
  readonly dialled: DialledTarget;
  #full: Buffer[] = [];
  /** Messages are written one behind the other; what has been handed to the socket is never written again. */
  #slab: Buffer = Buffer.alloc(0);
  #from = 0;
  #to = 0;

  constructor(dialled: DialledTarget) {
    this.dialled = dialled;
  }

  /** Query: Byte1('Q') Int32(length) String(text). PostgreSQL 55.7. */
  query(permit: Permit): void {
    const { text } = genuine(permit);
    const length = Buffer.byteLength(text);
    this.#begin(0x51, length + 1);
    this.#string(text, length);
  }

  /** Parse: Byte1('P') Int32(length) String(statement) String(text) Int16(n) Int32(type) × n. */
  parse(permit: Permit, statement: string, types: Buffer): void {
    const { text } = genuine(permit);
    const length = Buffer.byteLength(text);
    const nameLength = Buffer.byteLength(statement); // a name that SQL gave may be any
    this.#begin(0x50, nameLength + 1 + length + 1 + types.length);
    this.#string(statement, nameLength);
    this.#string(text, length);
    this.#bytes(types);
  }

  /** Bind: Byte1('B') Int32(length) String(portal) String(statement), then formats, values and result formats as decoded. */
  bind(permit: Permit, portal: string, statement: string, values: Buffer): void {
    genuine(permit);
    this.#begin(0x42, portal.length + statement.length + 2 + values.length);
    this.#string(portal, portal.length);
    this.#string(statement, statement.length);
    this.#bytes(values);
  }

  /** Execute: Byte1('E') Int32(length) String(portal) Int32(rows, 0 for all). */
  execute(permit: Permit, portal: string, maxRows: number): void {
    genuine(permit);
    this.#execute(portal, maxRows);
  }

  /** CopyData and CopyDone of a permitted COPY FROM STDIN; `message` is the client's frame. */
  copyData(permit: Permit, message: Frame): void {
    genuine(permit);
    const { payload } = message;
    this.#begin(0x64, payload.length);
    this.#bytes(payload);
  }
  copyDone(permit: Permit): void {
    genuine(permit);
    this.#begin(0x63, 0);
  }
  /** CopyFail: only ever ends a COPY. */
  copyFail(reason: string): void {
    const length = Buffer.byteLength(reason);
    this.#begin(0x66, length + 1);
    this.#string(reason, length);
  }

  describe(kind: 'statement' | 'portal', name: string): void {
    this.#named(0x44, kind, name);
  }
  close(kind: 'statement' | 'portal', name: string): void {
    this.#named(0x43, kind, name);
  }
  sync(): void {
    this.#begin(0x53, 0);
  }
  flush(): void {
    this.#begin(0x48, 0);
  }

  /**
   * Makes the server itself report an error in place of a refused message (Execute of a portal that cannot exist), so
   * that its transaction state and its skipping up to Sync are true. The client never sees this error's own text.
   */
  fail(): void {
    this.#execute('sluice_refused', 0);
  }

  get hasQueued(): boolean {
    return this.#to > this.#from || this.#full.length > 0;
  }

  /** Writes what is queued; false when the socket asks to wait for 'drain'. Call only after the journal is committed. */
  release(): boolean {
    if (!this.hasQueued) return true;
    const { socket, out } = this.dialled;
    const last = this.#slab.subarray(this.#from, this.#to);
    this.#from = this.#to;
    if (socket.destroyed) return true;
    if (this.#full.length === 0) return out.write([last]);
    const all = [...this.#full, last];
    this.#full = [];
    return out.write([Buffer.concat(all)]);
  }

  /** Says goodbye: Terminate, then the end of the stream. */
  end(): void {
    const { socket, out } = this.dialled;
    out.flush();
    if (!socket.destroyed) socket.end(Buffer.from([0x58, 0, 0, 0, 4]));
  }
  destroy(): void {
    this.dialled.socket.destroy();
  }

  #execute(portal: string, maxRows: number): void {
    this.#begin(0x45, portal.length + 5);
    this.#string(portal, portal.length);
    this.#to = this.#slab.writeInt32BE(maxRows, this.#to);
  }

  /** Describe and Close: Byte1(type) Int32(length) Byte1('S' or 'P') String(name); private names are ASCII. */
  #named(type: number, kind: 'statement' | 'portal', name: string): void {
    this.#begin(type, name.length + 2);
    this.#slab[this.#to++] = kind === 'statement' ? 0x53 : 0x50;
    this.#string(name, name.length);
  }

  /** Makes room for one whole message and writes its head. */
  #begin(type: number, payloadBytes: number): void {
    const needed = payloadBytes + 5;
    if (this.#slab.length - this.#to < needed) {
      if (this.#to > this.#from) this.#full.push(this.#slab.subarray(this.#from, this.#to));
      this.#slab = Buffer.allocUnsafe(Math.max(slabBytes, needed));
      this.#from = 0;
      this.#to = 0;
    }
    this.#slab[this.#to] = type;
    this.#to = this.#slab.writeInt32BE(payloadBytes + 4, this.#to + 1);
  }

  #string(text: string, bytes: number): void {
    const slab = this.#slab;
    const { length } = text;
    let index = 0;
    // The gateway's own names are short and ASCII: written here they cost no call into native code.
    if (length === bytes && length <= longestWritten) {
      for (; index < length; index++) slab[this.#to + index] = text.charCodeAt(index);
    } else slab.write(text, this.#to, bytes, 'utf8');
    this.#to += bytes;
    this.#slab[this.#to++] = 0;
  }

  #bytes(bytes: Buffer): void {
    this.#to += bytes.copy(this.#slab, this.#to);
  }
}

function genuine(permit: Permit): Permit {
  if (!permit.genuine) throw new TypeError('not a permit');
  return permit;
}
