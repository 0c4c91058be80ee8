import type {
  CatalogHandle,
  PostgresAnalyser,
  QueryAnalysis,
  SessionChange,
  StatementAnalysis,
} from '../../analysis/postgres-types.js';
import type { Effect } from '../../analysis/effects.js';
import { SluiceError } from '../../lib/errors.js';

/** A query with its analysis, in the form the gate asks for. The effects array is one object a query, for caches. */
export interface JudgedQuery {
  readonly text: string;
  readonly statements: readonly StatementAnalysis[];
  readonly effects: readonly Effect[];
  readonly fault: SluiceError | null;
  /** 1-based character position of a syntax error, else 0. */
  readonly position: number;
  /** Reads or changes names that SQL gives to statements and cursors: judged with nothing in flight. */
  readonly usesNames: boolean;
  readonly copiesIn: boolean;
  readonly catalog: CatalogHandle;
}

/** Names the gateway gives to statements and portals; SQL may not use them. */
export const privatePrefix = 'sluice_';

const nameChanges = new Set<SessionChange['type']>([
  'prepare',
  'execute',
  'deallocate',
  'declareCursor',
  'fetch',
  'closeCursor',
  'discard',
]);

/** Session settings the analysis relies on; no policy can permit to change them. */
const pinned = new Set([
  'client_encoding',
  'standard_conforming_strings',
  'search_path',
  'session_authorization',
  'backslash_quote',
  'transform_null_equals',
]);

const writes = new Set<Effect['action']>(['insert', 'update', 'delete', 'merge', 'copyIn']);

/**
 * By catalog first: an analysis lives as long as the analyser's cache likes, and must not keep alive the catalog (a
 * megabyte or more) of before the last change.
 */
const known = new WeakMap<CatalogHandle, WeakMap<QueryAnalysis, JudgedQuery>>();

/** The judged form of a text seen before, or null. */
export function cachedQuery(analyser: PostgresAnalyser, text: string, catalog: CatalogHandle): JudgedQuery | null {
  const cached = analyser.cached(text, catalog);
  return cached === null ? null : judgedForm(cached, text, catalog);
}

/** Analyses a text, in the parser's worker unless it has been seen before. */
export async function analyseQuery(
  analyser: PostgresAnalyser,
  text: string,
  catalog: CatalogHandle,
): Promise<JudgedQuery> {
  return cachedQuery(analyser, text, catalog) ?? judgedForm(await analyser.analyse(text, catalog), text, catalog);
}

function judgedForm(analysis: QueryAnalysis, text: string, catalog: CatalogHandle): JudgedQuery {
  let ofCatalog = known.get(catalog);
  if (ofCatalog === undefined) {
    ofCatalog = new WeakMap();
    known.set(catalog, ofCatalog);
  }
  const seen = ofCatalog.get(analysis);
  if (seen !== undefined && seen.text === text) return seen;
  const made = build(analysis, text, catalog);
  ofCatalog.set(analysis, made);
  return made;
}

function build(analysis: QueryAnalysis, text: string, catalog: CatalogHandle): JudgedQuery {
  if (!analysis.ok) {
    // PostgreSQL's own parser has spoken: the same error as the server's, without asking it.
    const fault =
      analysis.reason === 'syntax'
        ? new SluiceError('target_rejected', analysis.message, { decider: 'gateway', targetCode: '42601' })
        : new SluiceError('denied', analysis.message, { decider: 'gateway' });
    return {
      text,
      statements: [],
      effects: [],
      fault,
      position: analysis.position,
      usesNames: false,
      copiesIn: false,
      catalog,
    };
  }
  const changes = analysis.statements.flatMap((statement) => statement.changes);
  const effects = analysis.statements.flatMap((statement) => statement.effects);
  return {
    text,
    statements: analysis.statements,
    effects,
    fault: pinnedFault(effects) ?? reservedFault(changes),
    position: 0,
    usesNames: changes.some((change) => nameChanges.has(change.type)),
    copiesIn: changes.some((change) => change.type === 'copyIn'),
    catalog,
  };
}

function pinnedFault(effects: readonly Effect[]): SluiceError | null {
  const effect = effects.find(changesPinned);
  if (effect === undefined) return null;
  const name = effect.facts.object === '' ? 'of the session' : `"${effect.facts.object}"`;
  return new SluiceError('denied', `the setting ${name} is pinned: the gateway reads every statement under it.`, {
    decider: 'gateway',
  });
}

/** UPDATE of pg_settings sets whatever the row names (PostgreSQL 54.24). */
function changesPinned({ action, facts, resource }: Effect): boolean {
  if (action === 'setParameter') return pinned.has(facts.object.toLowerCase());
  if (action === 'setRole') return pinned.has(facts.object.toLowerCase()) && resource.path.at(-1) !== 'none';
  return writes.has(action) && resource.path.at(-1) === 'pg_settings' && resource.path.at(-2) === 'pg_catalog';
}

function reservedFault(changes: readonly SessionChange[]): SluiceError | null {
  const taken = changes.some(
    (change) => 'name' in change && typeof change.name === 'string' && change.name.startsWith(privatePrefix),
  );
  return taken
    ? new SluiceError('denied', `names that begin with "${privatePrefix}" belong to the gateway.`, {
        decider: 'gateway',
      })
    : null;
}
