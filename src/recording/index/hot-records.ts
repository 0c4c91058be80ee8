import type { DecisionEvent, ResultEvent } from '../events.js';
import { recordCodes } from '../records.js';
import { decodeRecord } from '../event-codec.js';

/** Array of eight, as both begin; then the code, then a time of eight bytes (0x1b). */
const arrayOfEight = 0x88;
const eightBytes = 0x1b;
const timeAt = 3;
const opAt = timeAt + 8;
const maxKnown = 1024;
const maxRemembered = 512;

type Hot = DecisionEvent | ResultEvent;

/**
 * Decisions and results are half of all records and differ in time and operation alone, mostly: behind those two, the
 * same bytes mean the same. What was decoded once, with every check, is given again with another time and operation.
 */
export class HotRecords {
  readonly #known = new Map<string, Hot>();

  /** Null for every other record. */
  decode(body: Buffer): Hot | null {
    if (body.length > maxRemembered || body[0] !== arrayOfEight || body[2] !== eightBytes) return null;
    if (body[1] !== recordCodes.decision && body[1] !== recordCodes.result) return null;
    if (!isTime(body)) return null;
    const bytes = opBytes(body);
    if (bytes === null) return null;
    const rest = body.toString('latin1', opAt + bytes);
    const key = `${body[1]} ${rest}`;
    const known = this.#known.get(key);
    if (known !== undefined) return { ...known, at: timeOf(body), op: opOf(body, bytes) };
    const decoded = decodeRecord(body);
    if (decoded.type !== 'decision' && decoded.type !== 'result') return null;
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(key, decoded);
    return decoded;
  }
}

/** In eight bytes only what needs them, and no more than a number holds exactly. */
function isTime(body: Buffer): boolean {
  const high = body.length < opAt ? 0 : body.readUInt32BE(timeAt);
  return high > 0 && high <= 0x1f_ffff;
}

/** How many bytes the operation takes; null unless it is in its one, shortest form. RFC 8949, 4.2.1. */
function opBytes(body: Buffer): number | null {
  const first = body[opAt] ?? 0xff;
  if (first < 24) return 1;
  if (first === 0x18) return (body[opAt + 1] ?? 0) >= 24 ? 2 : null;
  if (first !== 0x19 || body.length < opAt + 3) return null;
  return body.readUInt16BE(opAt + 1) >= 0x100 ? 3 : null;
}

function opOf(body: Buffer, bytes: number): number {
  return bytes === 1 ? (body[opAt] ?? 0) : body.readUIntBE(opAt + 1, bytes - 1);
}

function timeOf(body: Buffer): number {
  return body.readUInt32BE(timeAt) * 2 ** 32 + body.readUInt32BE(timeAt + 4);
}
