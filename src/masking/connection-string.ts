import { byteAt, isDigit, isLetter } from './bytes.js';
import type { Span } from './detectors.js';

/** Around a password this much is looked at for the other words of a connection string. */
const nearBytes = 256;
/** Of what might be a password this much is looked at; all of it is masked. */
const judgedBytes = 128;

/** User names and passwords are shorter, and so is the way back from an at sign. */
const longestUserInfo = 4096;

const atSign = 0x40;
const quote = 0x27;
const backslash = 0x5c;

/** What ends the authority of a URI (RFC 3986 3.2), and what ends a URI in text. */
const endsAuthority = new Set([...'/?#\\"\'<>`{}|^,;'].map((mark) => mark.charCodeAt(0)));
const isAuthority = (byte: number): boolean => byte > 0x20 && byte !== 0x7f && !endsAuthority.has(byte);

const colon = 0x3a;
const slash = 0x2f;

/**
 * The user name and password (RFC 3986 3.2.1) before the at sign at `at`, or before a later one of the same authority;
 * null where no password stands there.
 */
export function userInfoAround(bytes: Buffer, at: number, start: number, end: number): Span | null {
  const from = authorityBefore(bytes, at, start);
  if (from < 0) return null;
  const firstColon = bytes.subarray(from, at).indexOf(colon);
  let last = at;
  for (let index = at + 1; index < end && isAuthority(bytes[index] ?? 0); index++)
    if (bytes[index] === atSign) last = index;
  return firstColon >= 0 && last > from + firstColon + 1 ? { start: from, end: last, mask: '***' } : null;
}

/** Where the authority begins in which `at` stands, or -1: behind `://`, which some writers of JSON have as `:\\/\\/`. */
function authorityBefore(bytes: Buffer, at: number, start: number): number {
  let from = at;
  const lowest = Math.max(start, at - longestUserInfo);
  // The first at sign of an authority has been looked at by itself: where there is one before, this one has no more to say.
  while (from > lowest && bytes[from - 1] !== atSign && isAuthority(bytes[from - 1] ?? 0)) from--;
  const isEscaped = byteAt(bytes, from - 2, start, at) === backslash;
  const [second, first, before] = isEscaped ? [from - 1, from - 3, from - 5] : [from - 1, from - 2, from - 3];
  const isUri =
    byteAt(bytes, second, start, at) === slash &&
    byteAt(bytes, first, start, at) === slash &&
    byteAt(bytes, before, start, at) === colon;
  return isUri ? from : -1;
}

/** What ends a password without quotes: white space, and what parts settings from each other or from what is around. */
const endsValue = new Set([...';&,"\'`)]}<>|'].map((mark) => mark.charCodeAt(0)));
/** What a password does not begin with, but its place in a statement, a template or a program. */
const standsForOne = new Set([...'$%{<*(:?['].map((mark) => mark.charCodeAt(0)));

/** Words that stand beside a password in connection strings: libpq's (PostgreSQL 34.1.2) and those of ADO.NET and JDBC. */
const others = /(?:^|[\s;&?,{"'])(?:host|hostaddr|user|dbname|service|server|user ?id|uid|data ?source|database)\s?=/i;

/** End of a connection string's password, quoted or not; -1 where nothing says that it is one. */
export function passwordEnd(bytes: Buffer, from: number, end: number, start: number): number {
  const isQuoted = byteAt(bytes, from, from, end) === quote;
  const begin = isQuoted ? from + 1 : from;
  if (begin >= end || standsForOne.has(bytes[begin] ?? 0)) return -1;
  let digits = 0;
  let letters = 0;
  let index = begin;
  for (; index < end; index++) {
    const byte = bytes[index] ?? 0;
    if (isQuoted) {
      if (byte === quote) break;
      if (byte === backslash) index++;
    } else if (byte <= 0x20 || byte === 0x7f || endsValue.has(byte)) break;
    if (isDigit(byte)) digits++;
    else if (isLetter(byte)) letters++;
    // Whether it is one is known by now; without a sign of it the search does not go on.
    if (index - begin === judgedBytes && !isLikely(digits, letters) && !isBesideOthers(bytes, from, index, start, end))
      return -1;
  }
  const to = Math.min(index, end);
  if (to === begin) return -1;
  if (!isLikely(digits, letters) && !isBesideOthers(bytes, from, to, start, end)) return -1;
  return isQuoted && to < end ? to + 1 : to;
}

/** As passwords are drawn: a word of letters and digits, not a variable's name. */
const isLikely = (digits: number, letters: number): boolean => digits >= 2 && letters >= 2 && digits + letters >= 8;

function isBesideOthers(bytes: Buffer, from: number, to: number, start: number, end: number): boolean {
  const before = bytes.toString('latin1', Math.max(start, from - nearBytes), from);
  return others.test(before) || others.test(bytes.toString('latin1', to, Math.min(end, to + nearBytes)));
}
