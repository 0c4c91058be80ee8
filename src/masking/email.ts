import { byteAt, isAlphanumeric, isDigit, isLetter } from './bytes.js';
import { maskedEmail } from './partial.js';
import type { Span } from './detectors.js';
import { characterAt, characterBefore } from './utf8.js';

/** RFC 5321 4.5.3.1 allows 64 octets before the @ and 255 after; twice that is looked at, so that a long one is no way out. */
const maxLocalBytes = 128;
const maxDomainBytes = 255;

/** Marks of RFC 5322's atom that occur in real addresses; `=`, `/`, `|` and braces more often stand before one. */
const localMarks = new Set([...'._%+-!#$&*?^~`'].map((mark) => mark.charCodeAt(0)));

function isLocal(bytes: Buffer, index: number, start: number, end: number): boolean {
  const byte = byteAt(bytes, index, start, end);
  if (isAlphanumeric(byte) || localMarks.has(byte)) return true;
  // An apostrophe belongs to o'brien@…, not to 'bob@…'.
  return byte === 0x27 && isAlphanumeric(byteAt(bytes, index - 1, start, end));
}

/**
 * The address around the `@` at `at`, or null: one local part, a dot in the domain, letters at its end. Bytes from 0x80 up
 * are letters where they are UTF-8; elsewhere they are no text, and end it.
 */
export function emailAround(bytes: Buffer, at: number, start: number, end: number): Span | null {
  const lowest = Math.max(start, at - maxLocalBytes);
  let from = at;
  while (from > lowest) {
    if (byteAt(bytes, from - 1, start, end) >= 0x80) {
      const length = characterBefore(bytes, from, lowest);
      if (length === 0) break;
      from -= length;
    } else if (isLocal(bytes, from - 1, start, end)) from--;
    else break;
  }
  if (from === at || isUserInfo(bytes, from, start, end)) return null;
  const to = domainEnd(bytes, at + 1, Math.min(end, at + 1 + maxDomainBytes));
  return to < 0 ? null : { start: from, end: to, mask: maskedEmail(bytes, from, to) };
}

/**
 * Whether it stands in the user information of a URI (`ssh://git@…`, `://user:p@ss@…`), which is another's to find.
 * RFC 3986 3.2.1
 */
function isUserInfo(bytes: Buffer, from: number, start: number, end: number): boolean {
  const lowest = Math.max(start, from - maxLocalBytes);
  let begin = from;
  while (begin > lowest && !endsUserInfo(bytes[begin - 1] ?? 0)) begin--;
  return (
    byteAt(bytes, begin - 1, start, end) === 0x2f &&
    byteAt(bytes, begin - 2, start, end) === 0x2f &&
    byteAt(bytes, begin - 3, start, end) === 0x3a
  );
}

/** Marks that part one value from the next count too: `https://example.com,ada@example.com` are two. */
const userInfoEnds = new Set([...'/?#,;|"\'<>()[]{}\\'].map((mark) => mark.charCodeAt(0)));
const endsUserInfo = (byte: number): boolean => byte <= 0x20 || byte >= 0x7f || userInfoEnds.has(byte);

/** End of the longest run of labels whose last one can be a top-level domain, or -1. */
function domainEnd(bytes: Buffer, from: number, end: number): number {
  let result = -1;
  let label = from;
  let characters = 0; // of this label so far
  let letters = true; // all of them are letters, or it is internationalised
  for (let index = from; index <= end; index++) {
    const byte = byteAt(bytes, index, from, end);
    const length = byte >= 0x80 ? characterAt(bytes, index, end) : isLetter(byte) ? 1 : 0;
    if (length > 0) {
      characters++;
      index += length - 1;
      continue;
    }
    if (byte !== 0 && (isDigit(byte) || byte === 0x2d)) {
      characters++;
      letters = letters && isPunycode(bytes, label, end);
      continue;
    }
    if (index === label) break; // an empty label ends the domain
    if (label > from && letters && characters >= 2) result = index;
    if (byte !== 0x2e) break;
    label = index + 1;
    characters = 0;
    letters = true;
  }
  return result;
}

/** xn--… (RFC 5890): a top-level domain may hold digits and hyphens only in this form. */
function isPunycode(bytes: Buffer, label: number, end: number): boolean {
  return label + 4 <= end && bytes.toString('latin1', label, label + 4).toLowerCase() === 'xn--';
}
