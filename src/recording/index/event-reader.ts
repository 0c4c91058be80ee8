import { decodeRecord } from '../event-decoder.js';
import type { DecisionEvent, OperationEvent, ResultEvent, SessionEvent } from '../events.js';
import { recordCodes, type JournalRecord } from '../records.js';

/** Array of eight, as operations, decisions and results begin; then the code, then a time of eight bytes (0x1b). */
const arrayOfEight = 0x88;
const eightBytes = 0x1b;
const timeAt = 3;
const opAt = timeAt + 8;
const maxKnown = 1024;
const maxRemembered = 1024;
const nullItem = 0xf6;

/** Bytes that end nowhere stand for what is not in the short form that is known here. */
const unusual = -1;

type Outcome = DecisionEvent | ResultEvent;
type Head = Pick<OperationEvent, 'kind' | 'text'>;
type Rest = Pick<OperationEvent, 'effects' | 'fault'>;

/**
 * Reads the events that the index is made of. Results' rows are stepped over. Of the rest, most differ from one that came
 * before in time, number and parameters alone: what was decoded once, with every check, is given again for the same bytes.
 */
export class EventReader {
  readonly #outcomes = new Map<string, Outcome>();
  readonly #heads = new Map<string, Head>();
  readonly #rests = new Map<string, Rest>();

  /** Calls `each` for every event in the record. Returns the record where it has to be looked at in another way. */
  read(body: Buffer, each: (event: SessionEvent) => void): JournalRecord | null {
    const code = body[1];
    if (code === recordCodes.operationGroup || code === recordCodes.eventGroup) {
      if (this.#readGroup(body, each)) return null;
    } else {
      if (isSkipped(code)) return null;
      const event = this.#known(body, 0, body.length);
      if (event !== null) {
        each(event);
        return null;
      }
    }
    return decodeRecord(body);
  }

  /** False, and nothing was given, when it is not as this gateway writes it. */
  #readGroup(body: Buffer, each: (event: SessionEvent) => void): boolean {
    if (body[2] !== eightBytes || !areWhole(body, opAt)) return false;
    for (let at = opAt; at < body.length;) {
      const start = startOfBytes(body, at);
      const end = start + lengthOfBytes(body, at);
      at = end;
      if (isSkipped(body[start + 1])) continue;
      const event = this.#known(body, start, end) ?? decodeRecord(body.subarray(start, end));
      if (isInGroup(event)) each(event);
    }
    return true;
  }

  #known(body: Buffer, start: number, end: number): SessionEvent | null {
    if (body[start] !== arrayOfEight || body[start + 2] !== eightBytes || !isTime(body, start, end)) return null;
    const code = body[start + 1];
    const opBytes = opBytesAt(body, start + opAt);
    if (opBytes === null) return null;
    if (code === recordCodes.operation) return this.#operation(body, start, end, opBytes);
    if (code === recordCodes.decision || code === recordCodes.result) return this.#outcome(body, start, end, opBytes);
    return null;
  }

  #outcome(body: Buffer, start: number, end: number, opBytes: number): Outcome | null {
    if (end - start > maxRemembered) return null;
    const key = `${body[start + 1]} ${body.toString('latin1', start + opAt + opBytes, end)}`;
    const known = this.#outcomes.get(key);
    if (known !== undefined) return { ...known, at: timeOf(body, start), op: opOf(body, start + opAt, opBytes) };
    const decoded = decodeRecord(body.subarray(start, end));
    if (decoded.type !== 'decision' && decoded.type !== 'result') return null;
    remember(this.#outcomes, key, decoded);
    return decoded;
  }

  /** kind and text, then parameters, then effects and fault. */
  #operation(body: Buffer, start: number, end: number, opBytes: number): OperationEvent | null {
    const headAt = start + opAt + opBytes;
    const parametersAt = behindText(body, behindText(body, headAt, end), end);
    if (parametersAt === unusual || parametersAt - headAt > maxRemembered) return null;
    const parameters: (string | null)[] = [];
    const restAt = readTexts(body, parametersAt, end, parameters);
    if (restAt === unusual || end - restAt > maxRemembered) return null;
    const headKey = body.toString('latin1', headAt, parametersAt);
    const restKey = body.toString('latin1', restAt, end);
    const head = this.#heads.get(headKey);
    const rest = this.#rests.get(restKey);
    if (head !== undefined && rest !== undefined) {
      const at = timeOf(body, start);
      const op = opOf(body, start + opAt, opBytes);
      return { type: 'operation', at, op, kind: head.kind, text: head.text, parameters, ...rest };
    }
    const decoded = decodeRecord(body.subarray(start, end));
    if (decoded.type !== 'operation') return null;
    const { kind, text, effects, fault } = decoded;
    if (head === undefined) remember(this.#heads, headKey, { kind, text });
    if (rest === undefined) remember(this.#rests, restKey, { effects, fault });
    return decoded;
  }
}

function isInGroup(record: JournalRecord): record is SessionEvent {
  switch (record.type) {
    case 'operation':
    case 'decision':
    case 'approval':
    case 'columns':
    case 'rows':
    case 'result':
    case 'error':
    case 'notice':
    case 'terminal':
    case 'file':
      return true;
    default:
      return false;
  }
}

function remember<T>(known: Map<string, T>, key: string, value: T): void {
  if (known.size >= maxKnown) known.clear();
  known.set(key, value);
}

/** Results are not searched: their bytes are not even decoded. */
export function isSkipped(code: number | undefined): boolean {
  return code === recordCodes.rows || code === recordCodes.columns || code === recordCodes.file;
}

/** In eight bytes only what needs them, and no more than a number holds exactly. */
function isTime(body: Buffer, start: number, end: number): boolean {
  const high = end - start < opAt ? 0 : body.readUInt32BE(start + timeAt);
  return high > 0 && high <= 0x1f_ffff;
}

/** How many bytes the operation takes; null unless it is in its one, shortest form. RFC 8949, 4.2.1. */
function opBytesAt(body: Buffer, at: number): number | null {
  const first = body[at] ?? 0xff;
  if (first < 24) return 1;
  if (first === 0x18) return (body[at + 1] ?? 0) >= 24 ? 2 : null;
  if (first !== 0x19 || body.length < at + 3) return null;
  return body.readUInt16BE(at + 1) >= 0x100 ? 3 : null;
}

function opOf(body: Buffer, at: number, bytes: number): number {
  return bytes === 1 ? (body[at] ?? 0) : body.readUIntBE(at + 1, bytes - 1);
}

function timeOf(body: Buffer, start: number): number {
  return body.readUInt32BE(start + timeAt) * 2 ** 32 + body.readUInt32BE(start + timeAt + 4);
}

/** Every byte from `at` on belongs to a byte string of less than 2^32 bytes. */
function areWhole(body: Buffer, at: number): boolean {
  let end = at;
  while (end < body.length) {
    const first = body[end] ?? 0;
    if (first >> 5 !== 2 || (first & 31) > 26) return false;
    if (startOfBytes(body, end) > body.length) return false;
    end = startOfBytes(body, end) + lengthOfBytes(body, end);
  }
  return end === body.length;
}

function startOfBytes(body: Buffer, at: number): number {
  const argument = (body[at] ?? 0) & 31;
  return at + (argument < 24 ? 1 : 1 + (1 << (argument - 24)));
}

function lengthOfBytes(body: Buffer, at: number): number {
  const argument = (body[at] ?? 0) & 31;
  return argument < 24 ? argument : body.readUIntBE(at + 1, 1 << (argument - 24));
}

/** Where the text that begins at `at` ends; `unusual` for what is no text of less than 64 KiB, in its shortest form. */
function behindText(body: Buffer, at: number, end: number): number {
  if (at === unusual) return unusual;
  const first = body[at] ?? 0;
  let behind = unusual;
  if (first >= 0x60 && first < 0x78) behind = at + 1 + first - 0x60;
  else if (first === 0x78) behind = at + 2 + (body[at + 1] ?? 0);
  else if (first === 0x79 && at + 3 <= end) behind = at + 3 + body.readUInt16BE(at + 1);
  return behind > end ? unusual : behind;
}

/** Adds the short ASCII texts and nulls of an array of less than 24 to `texts`; returns where it ends, or `unusual`. */
function readTexts(body: Buffer, at: number, end: number, texts: (string | null)[]): number {
  const first = body[at] ?? 0;
  if (first < 0x80 || first >= 0x98) return unusual;
  let item = at + 1;
  for (let left = first - 0x80; left > 0; left--) {
    const kind = body[item] ?? 0;
    if (kind === nullItem) {
      texts.push(null);
      item++;
      continue;
    }
    if (kind < 0x60 || kind >= 0x78) return unusual;
    const from = item + 1;
    item = from + kind - 0x60;
    if (item > end) return unusual;
    for (let index = from; index < item; index++) if ((body[index] ?? 0x80) >= 0x80) return unusual;
    texts.push(body.toString('latin1', from, item));
  }
  return item;
}
