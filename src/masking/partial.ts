import { isAlphanumeric, isLetter } from './bytes.js';

const star = 0x2a;
const dot = 0x2e;
const at = 0x40;
const wholeMask = Buffer.from('***');
const shortMask = Buffer.from('****');

/**
 * The last four letters or digits, when at least eight stand: nothing of a shorter value, of which four would be half.
 * The length is not shown.
 */
export function maskLastFour(bytes: Buffer, start: number, end: number, stars: Stars = freshStars): Buffer {
  const out = stars(8);
  let seen = 0;
  for (let index = end - 1; index >= start && seen < 8; index--) {
    const byte = bytes[index] ?? 0;
    if (byte >= 0x80) return maskLastFourText(bytes.toString('utf8', start, end));
    if (!isAlphanumeric(byte)) continue;
    seen++;
    if (seen <= 4) out[8 - seen] = byte;
  }
  return seen < 8 ? shortMask : out;
}

function maskLastFourText(text: string): Buffer {
  const tail = [...text.slice(-128)].filter((char) => /[\p{L}\p{N}]/u.test(char));
  return tail.length < 8 ? shortMask : Buffer.from(`****${tail.slice(-4).join('')}`);
}

/**
 * `a***@***.com`: the first letter when the local part has four characters or more (of a shorter one it would be too
 * much), and a top-level domain of two to four letters. The domain itself often is a person or an employer.
 */
export function maskEmail(bytes: Buffer, start: number, end: number, stars: Stars = freshStars): Buffer {
  let sign = end - 1;
  while (sign >= start && bytes[sign] !== at) sign--;
  if (sign < start) return wholeMask;
  let characters = 0;
  for (let index = start; index < sign && characters < 4; index++)
    if (((bytes[index] ?? 0) & 0xc0) !== 0x80) characters++;
  const showsFirst = characters >= 4 && isLetter(bytes[start] ?? 0);

  let last = end;
  while (last > sign && (bytes[last - 1] ?? 0) <= 0x20) last--; // bpchar is padded
  let top = last;
  while (top > sign && last - top < 5 && isLetter(bytes[top - 1] ?? 0)) top--;
  const topLength = last - top;
  const showsTop = topLength >= 2 && topLength <= 4 && bytes[top - 1] === dot;

  const out = stars((showsFirst ? 8 : 7) + (showsTop ? topLength + 1 : 0));
  let index = 0;
  if (showsFirst) out[index++] = bytes[start] ?? star;
  out[index + 3] = at;
  if (showsTop) {
    out[index + 7] = dot;
    for (let letter = 0; letter < topLength; letter++) out[index + 8 + letter] = bytes[top + letter] ?? star;
  }
  return out;
}

/** Gives that many asterisks to write a value's rest into. */
export type Stars = (count: number) => Buffer;

const freshStars: Stars = (count) => fill(Buffer.allocUnsafe(count));

/** Asterisks in buffers that are used again: what was given is good until the next call that asks for as many. */
export function reusedStars(): Stars {
  const known: Buffer[] = [];
  return (count) => fill((known[count] ??= Buffer.allocUnsafeSlow(count)));
}

/** For a few bytes a loop is faster than Buffer's own fill. */
function fill(out: Buffer): Buffer {
  for (let index = 0; index < out.length; index++) out[index] = star;
  return out;
}
