import { byteAt, isDigit, isLetter } from './bytes.js';
import type { PrefixRule } from './token.js';

/** Around a password this much is looked at for the other words of a connection string. */
const nearBytes = 256;
/** Of what might be a password this much is looked at; all of it is masked. */
const judgedBytes = 128;

const quote = 0x27;
const backslash = 0x5c;

/** What ends the authority of a URI (RFC 3986 3.2), and what ends a URI in text. */
const endsAuthority = new Set([...'/?#\\"\'<>`{}|^,;'].map((mark) => mark.charCodeAt(0)));

/** End of user name and password (RFC 3986 3.2.1): the last at sign of the authority, or -1 where there is no password. */
function userInfo(bytes: Buffer, from: number, end: number): number {
  let colon = -1;
  let at = -1;
  let index = from;
  for (; index < end; index++) {
    const byte = bytes[index] ?? 0;
    if (byte <= 0x20 || byte === 0x7f || endsAuthority.has(byte)) break;
    if (byte === 0x3a && colon < 0) colon = index;
    else if (byte === 0x40) at = index;
  }
  return colon >= 0 && at > colon + 1 ? at : -1;
}

/** What ends a password without quotes: white space, and what parts settings from each other or from what is around. */
const endsValue = new Set([...';&,"\'`)]}<>|'].map((mark) => mark.charCodeAt(0)));
/** What a password does not begin with, but its place in a statement, a template or a program. */
const standsForOne = new Set([...'$%{<*(:?['].map((mark) => mark.charCodeAt(0)));

/** Words that stand beside a password in connection strings: libpq's (PostgreSQL 34.1.2) and those of ADO.NET and JDBC. */
const others = /(?:^|[\s;&?,{"'])(?:host|hostaddr|user|dbname|service|server|user ?id|uid|data ?source|database)\s?=/i;

/** End of a connection string's password, quoted or not; -1 where nothing says that it is one. */
function password(bytes: Buffer, from: number, end: number, start: number): number {
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

function rule(prefix: string, match: PrefixRule['match']): PrefixRule {
  const bytes = Buffer.from(prefix);
  const trigger = bytes.length - 1;
  return {
    prefix: bytes,
    trigger,
    before: bytes[trigger - 1] ?? 0,
    mask: `${prefix}***`,
    notAfter: () => false,
    match,
  };
}

/** Passwords in connection strings: of a URI the whole user information, else the password's value. */
export const connectionStringRules: readonly PrefixRule[] = [
  rule('://', userInfo),
  // As JSON of some writers has it; a mask holds no backslash.
  { ...rule(':\\/\\/', userInfo), mask: '://***' },
  ...['password=', 'Password=', 'PASSWORD=', 'Pwd=', 'pwd='].map((prefix) => rule(prefix, password)),
];
