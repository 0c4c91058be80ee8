import { SluiceError } from '../../lib/errors.js';
import type { ParseSql, ParsedStatement } from './context.js';

/** PostgreSQL's own parser rejected the text: the server would too. `position` is 1-based, in characters. */
export class SqlSyntaxError extends Error {
  readonly position: number;

  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }
}

/** What every libpg-query package exports and we use. */
interface PgQueryModule {
  loadModule(): Promise<void>;
  parseSync(sql: string): unknown;
  readonly SqlError: new (message: string) => Error & { readonly sqlDetails?: { readonly cursorPosition: number } };
}

/** Majors whose statements we can parse as the server does. */
const oldest = 13;
const newest = 18;

/** Refuses a server whose statements nobody here reads as it does: half of what is written means other things to another. */
export function requireParser(major: number): void {
  if (major >= oldest && major <= newest) return;
  const why = major > newest ? 'is newer than this gateway' : 'is too old for this gateway';
  const parsers = `it has the parsers of PostgreSQL ${oldest} to ${newest}, and lets nothing through that it cannot read`;
  throw new SluiceError('protocol', `PostgreSQL ${major} ${why}: ${parsers}.`, { decider: 'gateway' });
}

/**
 * Loads the parser of the server's own major. 14 is read with 15's grammar, which accepts nothing of 14's with another
 * meaning: its new words are unreserved, and numbers with trailing letters, which 14 took for two tokens, it rejects.
 */
export async function loadParser(major: number): Promise<ParseSql> {
  const module = await importModule(major);
  await module.loadModule();
  return (sql) => {
    try {
      return statementsOf(module.parseSync(sql));
    } catch (error) {
      if (!(error instanceof module.SqlError)) throw error;
      throw new SqlSyntaxError(error.message, positionOf(error.message, error.sqlDetails?.cursorPosition ?? 0));
    }
  };
}

/** The library says 0 for the first character and for no position at all; only a token has a place. */
function positionOf(message: string, zeroBased: number): number {
  return zeroBased === 0 && !message.includes('at or near') ? 0 : zeroBased + 1;
}

async function importModule(major: number): Promise<PgQueryModule> {
  switch (major) {
    case 13:
      return import('libpg-query-13');
    case 14:
    case 15:
      return import('libpg-query-15');
    case 16:
      return import('libpg-query-16');
    case 17:
      return import('libpg-query-17');
    case 18:
      return import('libpg-query-18');
    default:
      throw new TypeError(`no parser for PostgreSQL ${major}`);
  }
}

/** ParseResult: { version, stmts: [{ stmt, stmt_location, stmt_len }] }. */
function statementsOf(result: unknown): readonly ParsedStatement[] {
  const { stmts } = result as {
    readonly stmts?: readonly { stmt?: unknown; stmt_location?: number; stmt_len?: number }[];
  };
  return (stmts ?? []).map((statement) => ({
    node: statement.stmt,
    location: statement.stmt_location ?? 0,
    length: statement.stmt_len ?? 0,
  }));
}
