import type { ByteOutput } from './byte-output.js';
import { isAlphanumeric, isLetter } from './bytes.js';

const dot = 0x2e;
const at = 0x40;
/** `****`, `***@` and `***.` in one word each. */
const fourStars = 0x2a2a2a2a;
const starsAt = 0x2a2a2a40;
const starsDot = 0x2a2a2a2e;
const wholeMask = Buffer.from('***');
const shortMask = Buffer.from('****');

/**
 * Writes the last four letters or digits, when at least eight stand: nothing of a shorter value, of which four would be half.
 * The length is not shown.
 */
export function maskLastFour(bytes: Buffer, start: number, end: number, out: ByteOutput): true {
  const place = out.leave(8);
  let seen = 0;
  for (let index = end - 1; index >= start && seen < 8; index--) {
    const byte = bytes[index] ?? 0;
    if (byte >= 0x80) {
      out.cut(place);
      out.append(maskLastFourText(bytes.toString('utf8', start, end)));
      return true;
    }
    if (!isAlphanumeric(byte)) continue;
    seen++;
    if (seen <= 4) out.setByte(place + 8 - seen, byte);
  }
  out.setInt32(place, fourStars);
  if (seen < 8) out.cut(place + 4);
  return true;
}

function maskLastFourText(text: string): Buffer {
  const tail = [...text.slice(-128)].filter((char) => /[\p{L}\p{N}]/u.test(char));
  return tail.length < 8 ? shortMask : Buffer.from(`****${tail.slice(-4).join('')}`);
}

/**
 * Writes `a***@***.com`: the first letter when the local part has four characters or more (of a shorter one it would be
 * too much), and a top-level domain of two to four letters. The domain itself often is a person or an employer.
 */
export function maskEmail(bytes: Buffer, start: number, end: number, out: ByteOutput): true {
  const sign = signOf(bytes, start, end);
  if (sign < start) {
    out.append(wholeMask);
    return true;
  }
  if (showsFirst(bytes, start, sign)) out.setByte(out.leave(1), bytes[start] ?? 0);
  const last = endOf(bytes, sign, end);
  const top = topOf(bytes, sign, last);
  const place = out.leave(8);
  out.setInt32(place, starsAt);
  out.setInt32(place + 4, starsDot);
  if (top < last) out.copy(bytes, top, last);
  else out.cut(place + 7);
  return true;
}

/** The same as text. */
export function maskedEmail(bytes: Buffer, start: number, end: number): string {
  const sign = signOf(bytes, start, end);
  if (sign < start) return '***';
  const first = showsFirst(bytes, start, sign) ? String.fromCharCode(bytes[start] ?? 0) : '';
  const last = endOf(bytes, sign, end);
  const top = topOf(bytes, sign, last);
  return `${first}***@***${top < last ? `.${bytes.toString('latin1', top, last)}` : ''}`;
}

/** The last @ in [start, end); before `start` when there is none. */
function signOf(bytes: Buffer, start: number, end: number): number {
  let sign = end - 1;
  while (sign >= start && bytes[sign] !== at) sign--;
  return sign;
}

function showsFirst(bytes: Buffer, start: number, sign: number): boolean {
  let characters = 0;
  for (let index = start; index < sign && characters < 4; index++)
    if (((bytes[index] ?? 0) & 0xc0) !== 0x80) characters++;
  return characters >= 4 && isLetter(bytes[start] ?? 0);
}

/** Without what pads a bpchar. */
function endOf(bytes: Buffer, sign: number, end: number): number {
  let last = end;
  while (last > sign && (bytes[last - 1] ?? 0) <= 0x20) last--;
  return last;
}

/** Where the top-level domain that is shown begins; `last` when none is. */
function topOf(bytes: Buffer, sign: number, last: number): number {
  let top = last;
  while (top > sign && last - top < 5 && isLetter(bytes[top - 1] ?? 0)) top--;
  const length = last - top;
  return length >= 2 && length <= 4 && bytes[top - 1] === dot ? top : last;
}
