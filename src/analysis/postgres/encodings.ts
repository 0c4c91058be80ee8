import type { RawCatalog } from '../postgres-types.js';
import type { ParseSql } from './context.js';
import { SqlSyntaxError } from './parser.js';

/** The server's own parser may read the text as another statement than ours does. */
export class UncertainReading extends SqlSyntaxError {
  constructor(message: string) {
    super(message, 0);
  }
}

/** Bytes of names that PostgreSQL keeps: NAMEDATALEN − 1. A cut name is shorter by less than one character of UTF-8. */
const nameBytes = 63;
const shortestCut = nameBytes - 3;

/** Encodings of which a character may take more bytes than in UTF-8, and how many at most. PostgreSQL 24.3.1. */
const widest: Readonly<Record<string, number>> = { EUC_JP: 3, EUC_TW: 4, MULE_INTERNAL: 4 };
const isMultibyte = /^(UTF8|EUC_|MULE)/;
/** Two characters that are one in EUC_JP, as the server's own conversion has it. */
const sameInEucJp = /[\u00a6\uffe4]/;
/** Locales that have no capitals beyond ASCII among single bytes. */
const isPlainLocale = /^(C|POSIX)$|utf-?8$/i;

const beyondAscii = /[^\0-\x7f]/;
const needsLook = /[^\0-\x7f]|u&"/i;

/**
 * Our parser reads UTF-8. A server cuts names at 63 bytes of its database's encoding, and folds them by its locale where a
 * character is one byte (scansup.c): elsewhere than in UTF-8 a name beyond ASCII can be that of another column. Reads what
 * both read alike, and rejects the rest.
 */
export function readingIn({ encoding = 'UTF8', ctype = 'C' }: RawCatalog, parse: ParseSql): ParseSql {
  if (encoding === 'UTF8') return parse;
  const folds = !isMultibyte.test(encoding) && !isPlainLocale.test(ctype);
  const folded = (name: string): boolean => encoding === 'SQL_ASCII' || name.toLowerCase() !== name;
  return (sql) => {
    const statements = parse(sql);
    if (!needsLook.test(sql)) return statements;
    for (const name of namesBeyondAscii(statements)) {
      if (Buffer.byteLength(name) > nameBytes) continue; // no name, but text
      if (isCutElsewhere(name, widest[encoding] ?? 0))
        throw uncertain(encoding, 'cuts off long names elsewhere', 'give it a shorter name');
      if (encoding === 'EUC_JP' && sameInEucJp.test(name))
        throw uncertain(encoding, 'takes different characters for one', 'give it another name');
      if (folds && folded(name) && !isAlwaysQuoted(sql, name))
        throw uncertain(encoding, 'changes capitals in names', 'write the name in double quotes');
    }
    return statements;
  };
}

function uncertain(encoding: string, what: string, instead: string): UncertainReading {
  return new UncertainReading(
    `a name in it has characters beyond ASCII, and the server, whose database is kept in ${encoding}, ${what}: ${instead}.`,
  );
}

function isCutElsewhere(name: string, widestBytes: number): boolean {
  if (Buffer.byteLength(name) >= shortestCut) return true;
  return [...name].reduce((sum, character) => sum + (beyondAscii.test(character) ? widestBytes : 1), 0) > nameBytes;
}

/** Everywhere it stands in quotes of its own, so no occurrence is a name that would be folded. */
function isAlwaysQuoted(sql: string, name: string): boolean {
  const written = name.replaceAll('"', '""');
  for (let at = sql.indexOf(written); at !== -1; at = sql.indexOf(written, at + 1)) {
    const before = sql[at - 1];
    if ((before !== '"' && before !== "'") || sql[at + written.length] !== before) return false;
  }
  return true;
}

/** Texts in a parse tree that may be names: all but constants. */
function* namesBeyondAscii(node: unknown): Iterable<string> {
  if (typeof node === 'string') {
    if (beyondAscii.test(node)) yield node;
  } else if (Array.isArray(node)) {
    for (const item of node) yield* namesBeyondAscii(item);
  } else if (typeof node === 'object' && node !== null) {
    for (const [key, inner] of Object.entries(node)) if (key !== 'A_Const') yield* namesBeyondAscii(inner);
  }
}
