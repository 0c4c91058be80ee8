import type { StatementAnalysis } from '../../analysis/postgres-types.js';
import { SluiceError } from '../../lib/errors.js';

/** Less than the pinned path: what SET may ask for. */
const emptyPaths: ReadonlySet<string> = new Set(['', '""', 'pg_catalog']);

/** Asks for what ParameterStatus tells too late, or not at all before PostgreSQL 18. */
export const pinnedSql = `select pg_catalog.json_build_array(pg_catalog.current_setting('search_path'),
  pg_catalog.current_setting('standard_conforming_strings'), pg_catalog.current_setting('client_encoding'))::text as row`;

/** A search path as SET and the startup message take it. */
export function searchPathOf(schemas: readonly string[]): string {
  return schemas.map((schema) => `"${schema.replaceAll('"', '""')}"`).join(', ');
}

export function isPinnedPath(value: string, pinned: string | undefined): boolean {
  return value === pinned || emptyPaths.has(value);
}

/** `answer` is that of `pinnedSql`. */
export function requireAnswer(answer: string, path: readonly string[]): void {
  const [searchPath, strings, encoding] = JSON.parse(answer) as readonly string[];
  if (!isPinnedPath(searchPath ?? '?', searchPathOf(path))) throw movedSetting('search_path');
  if (strings !== 'on') throw movedSetting('standard_conforming_strings');
  if (encoding !== 'UTF8') throw movedSetting('client_encoding');
}

export function movedSetting(name: string): SluiceError {
  return new SluiceError('unexpected', `the pinned setting "${name}" changed; the session ends to be safe`);
}

/** Runs code of the database's own, which may set what it likes for the rest of the session. */
export function runsOwnCode({ effects }: StatementAnalysis): boolean {
  return effects.some(
    ({ action, facts }) =>
      action === 'doBlock' ||
      action === 'callProcedure' ||
      action === 'unknown' ||
      (action === 'callFunction' && facts.source !== 'builtin'),
  );
}
