import { SluiceError } from '../lib/errors.js';

/** How many bytes of a stream may be under way in one direction. Fixed by the protocol, so that no peer chooses it. */
export const windowBytes = 256 * 1024;
/** Most bytes of one DATA frame: a stream waits for no more than that of another. */
export const maxDataBytes = 32 * 1024;
const headBytes = 7;
const maxTextBytes = 500;
const maxTokenBytes = 16 * 1024;

/** Why a relay did not open a stream. */
export type RefusalReason = 'not allowed' | 'failed' | 'busy';

export interface Destination {
  readonly host: string;
  readonly port: number;
}

/** What the gateway asks a relay for: a connection, or a program to run, by its absolute path. */
export type Wanted = Destination | { readonly program: string };

/** As a relay's allowlist writes it. */
export function nameOf(wanted: Wanted): string {
  if ('program' in wanted) return wanted.program;
  const { host, port } = wanted;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** One frame. docs/relay.md lists them all with who may send which. */
export type RelayFrame =
  | ({ readonly type: 'open'; readonly stream: number } & Destination)
  | { readonly type: 'run'; readonly stream: number; readonly program: string }
  | { readonly type: 'opened'; readonly stream: number }
  | { readonly type: 'refused'; readonly stream: number; readonly reason: RefusalReason; readonly text: string }
  | { readonly type: 'data'; readonly stream: number; readonly bytes: Buffer }
  | { readonly type: 'window'; readonly stream: number; readonly bytes: number }
  | { readonly type: 'end'; readonly stream: number }
  | { readonly type: 'reset'; readonly stream: number }
  | { readonly type: 'ping'; readonly mark: Buffer }
  | { readonly type: 'pong'; readonly mark: Buffer }
  | { readonly type: 'goodbye'; readonly text: string }
  | { readonly type: 'login'; readonly token: string };

const codes = {
  open: 1,
  opened: 2,
  refused: 3,
  data: 4,
  window: 5,
  end: 6,
  reset: 7,
  ping: 8,
  pong: 9,
  goodbye: 10,
  login: 11,
  run: 12,
} as const satisfies Record<RelayFrame['type'], number>;
const typeOf = new Map<number, RelayFrame['type']>(
  Object.entries(codes).map(([type, code]) => [code, type as RelayFrame['type']]),
);
const reasons: readonly RefusalReason[] = ['not allowed', 'failed', 'busy'];

/** Frame: Byte1(type) Int32(stream, 0 for the connection itself) Int16(payload bytes), then the payload. */
export function encodeFrame(frame: RelayFrame): Buffer {
  const payload = payloadOf(frame);
  return Buffer.concat([encodeHead(frame.type, 'stream' in frame ? frame.stream : 0, payload.length), payload]);
}

/** The head alone, for DATA whose bytes are written as they are. */
export function encodeHead(type: RelayFrame['type'], stream: number, payloadBytes: number): Buffer {
  const head = Buffer.allocUnsafe(headBytes);
  head[0] = codes[type];
  head.writeUInt32BE(stream, 1);
  head.writeUInt16BE(payloadBytes, 5);
  return head;
}

function payloadOf(frame: RelayFrame): Buffer {
  switch (frame.type) {
    case 'open': {
      const port = Buffer.allocUnsafe(2);
      port.writeUInt16BE(frame.port);
      return Buffer.concat([port, Buffer.from(frame.host, 'latin1')]);
    }
    case 'run':
      return Buffer.from(frame.program, 'utf8');
    case 'refused':
      return Buffer.concat([Buffer.from([reasons.indexOf(frame.reason) + 1]), shortText(frame.text)]);
    case 'data':
      return frame.bytes;
    case 'window': {
      const credit = Buffer.allocUnsafe(4);
      credit.writeUInt32BE(frame.bytes);
      return credit;
    }
    case 'ping':
    case 'pong':
      return frame.mark;
    case 'goodbye':
      return shortText(frame.text);
    case 'login':
      return Buffer.from(frame.token, 'latin1');
    case 'opened':
    case 'end':
    case 'reset':
      return Buffer.alloc(0);
  }
}

/** Cuts bytes into frames, each within its bounds; throws `protocol` for anything else and is not to be used after. */
export class FrameDecoder {
  #rest: Buffer = Buffer.alloc(0);

  /** The whole frames that are there now. At most one frame's bytes are kept for the next call. */
  *push(chunk: Buffer): Generator<RelayFrame> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = Buffer.alloc(0);
    while (bytes.length >= headBytes) {
      const end = headBytes + bytes.readUInt16BE(5);
      // Bounds before the payload is here: a frame that may not be so long is not waited for.
      const type = checkedType(bytes, end - headBytes);
      if (bytes.length < end) break;
      yield decode(type, bytes.readUInt32BE(1), bytes.subarray(headBytes, end));
      bytes = bytes.subarray(end);
    }
    // A copy: a few bytes must not keep a whole chunk of the socket's.
    this.#rest = Buffer.from(bytes);
  }
}

/** Least and most payload bytes of each type. */
const bounds: Readonly<Record<RelayFrame['type'], readonly [least: number, most: number]>> = {
  open: [3, 2 + 255],
  opened: [0, 0],
  refused: [1, 1 + maxTextBytes],
  data: [1, maxDataBytes],
  window: [4, 4],
  end: [0, 0],
  reset: [0, 0],
  ping: [8, 8],
  pong: [8, 8],
  goodbye: [0, maxTextBytes],
  login: [1, maxTokenBytes],
  run: [2, 255],
};
const ofConnection: readonly RelayFrame['type'][] = ['ping', 'pong', 'goodbye', 'login'];

function checkedType(bytes: Buffer, length: number): RelayFrame['type'] {
  const type = typeOf.get(bytes[0] ?? 0);
  if (type === undefined) throw broken(`frame type ${String(bytes[0])}`);
  const [least, most] = bounds[type];
  if (length < least || length > most) throw broken(`a ${type} frame of ${length} bytes`);
  if ((bytes.readUInt32BE(1) === 0) !== ofConnection.includes(type)) throw broken(`a ${type} frame on a wrong stream`);
  return type;
}

function decode(type: RelayFrame['type'], stream: number, payload: Buffer): RelayFrame {
  switch (type) {
    case 'open': {
      const port = payload.readUInt16BE(0);
      const host = payload.toString('latin1', 2);
      if (port === 0 || !/^[A-Za-z0-9._:%-]+$/.test(host)) throw broken('an open frame without a proper destination');
      return { type, stream, host, port };
    }
    case 'run': {
      const program = payload.toString('utf8');
      if (!/^\/[^\p{C}\ufffd]+$/u.test(program)) throw broken('a run frame without a program');
      return { type, stream, program };
    }
    case 'refused': {
      const reason = reasons[(payload[0] ?? 0) - 1];
      if (reason === undefined) throw broken('a refused frame without a reason');
      return { type, stream, reason, text: printable(payload.subarray(1)) };
    }
    case 'data':
      return { type, stream, bytes: payload };
    case 'window': {
      const bytes = payload.readUInt32BE(0);
      if (bytes === 0 || bytes > windowBytes) throw broken(`a window of ${bytes} bytes`);
      return { type, stream, bytes };
    }
    case 'ping':
    case 'pong':
      return { type, mark: Buffer.from(payload) };
    case 'goodbye':
      return { type, text: printable(payload) };
    case 'login':
      return { type, token: payload.toString('latin1') };
    case 'opened':
    case 'end':
    case 'reset':
      return { type, stream };
  }
}

/** The other side broke the protocol; its connection ends. */
export function broken(what: string): SluiceError {
  return new SluiceError('protocol', `the other side of the relay connection sent ${what}`);
}

/** Words that a peer chose, for a line of a log or an error: no control characters, no reordering. */
function printable(bytes: Buffer): string {
  return bytes.toString('utf8').replace(/[\p{C}\u2028\u2029]/gu, '?');
}

function shortText(text: string): Buffer {
  return Buffer.from(text, 'utf8').subarray(0, maxTextBytes);
}
