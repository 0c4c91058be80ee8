import type {
  CatalogHandle,
  PostgresAnalyser,
  QueryAnalysis,
  SessionChange,
  StatementAnalysis,
} from '../../analysis/postgres-types.js';
import { everySecret, type TextSecrets } from '../../analysis/text-secrets.js';
import type { Effect } from '../../analysis/effects.js';
import { faultOf } from '../../analysis/faults.js';
import { SluiceError } from '../../lib/errors.js';
import { sendAgain } from '../../sessions/words.js';

/** A query with its analysis, in the form the gate asks for. The effects array is one object a query, for caches. */
export interface JudgedQuery {
  readonly text: string;
  readonly statements: readonly StatementAnalysis[];
  readonly effects: readonly Effect[];
  readonly fault: SluiceError | null;
  /** What of the text and its parameters may be a protected value; null for nothing. */
  readonly secrets: TextSecrets | null;
  /** 1-based character position of a syntax error, else 0. */
  readonly position: number;
  /** Reads or changes names that SQL gives to statements and cursors: judged with nothing in flight. */
  readonly usesNames: boolean;
  readonly copiesIn: boolean;
  readonly catalog: CatalogHandle;
}

const nameChanges = new Set<SessionChange['type']>([
  'prepare',
  'execute',
  'deallocate',
  'declareCursor',
  'fetch',
  'closeCursor',
  'discard',
]);

/**
 * By catalog first: an analysis lives as long as the analyser's cache likes, and must not keep alive the catalog (a
 * megabyte or more) of before the last change.
 */
const known = new WeakMap<CatalogHandle, WeakMap<QueryAnalysis, JudgedQuery>>();

/** The judged form of a text seen before, or null. */
export function cachedQuery(analyser: PostgresAnalyser, text: string, catalog: CatalogHandle): JudgedQuery | null {
  const cached = analyser.cached(text, catalog);
  return cached === null ? alikeQuery(analyser, text, catalog) : judgedForm(cached, text, catalog);
}

/** The judged form of another text that differs in constants which change nothing: with this text in its place. */
function alikeQuery(analyser: PostgresAnalyser, text: string, catalog: CatalogHandle): JudgedQuery | null {
  const alike = analyser.alike(text, catalog);
  if (alike === null) return null;
  const query = judgedForm(alike.analysis, alike.sql, catalog);
  const [statement] = query.statements;
  // As the analysis of a single statement has it.
  const own = text.trim().replace(/;\s*$/, '');
  return statement === undefined ? null : { ...query, text, statements: [{ ...statement, text: own }] };
}

/** Analyses a text, in the parser's worker unless it has been seen before. */
export async function analyseQuery(
  analyser: PostgresAnalyser,
  text: string,
  catalog: CatalogHandle,
): Promise<JudgedQuery> {
  return cachedQuery(analyser, text, catalog) ?? judgedForm(await analyser.analyse(text, catalog), text, catalog);
}

const noCatalog: CatalogHandle = Object.freeze({}) as CatalogHandle;

/** A text that cannot be read now: refused for `fault`, and any constant in it may be a protected value. */
export function unreadQuery(text: string, fault: SluiceError): JudgedQuery {
  const nothing = { statements: [], effects: [], position: 0, usesNames: false, copiesIn: false };
  return { ...nothing, text, fault, secrets: everySecret(text), catalog: noCatalog };
}

export function unreadFault(cause: SluiceError): SluiceError {
  const message = `what its names mean cannot be asked of the target now (${cause.message.replace(/\.$/, '')}).`;
  const next = [{ command: sendAgain, when: 'in a few seconds' }];
  return new SluiceError('unavailable', message, { decider: 'target', retryable: true, next, cause });
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
  const fault = faultOf(analysis);
  if (!analysis.ok) {
    const { position } = analysis;
    const secrets = null;
    return { text, statements: [], effects: [], fault, secrets, position, usesNames: false, copiesIn: false, catalog };
  }
  const changes = analysis.statements.flatMap((statement) => statement.changes);
  const effects = analysis.statements.flatMap((statement) => statement.effects);
  return {
    text,
    statements: analysis.statements,
    effects,
    fault,
    secrets: analysis.secrets ?? null,
    position: 0,
    usesNames: changes.some((change) => nameChanges.has(change.type)),
    copiesIn: changes.some((change) => change.type === 'copyIn'),
    catalog,
  };
}

const none: readonly string[] = [];

/** What the names of these statements mean; nearly always there is one statement, which has its list already. */
export function objectsOf(statements: readonly StatementAnalysis[]): readonly string[] {
  const [only] = statements;
  if (statements.length <= 1) return only?.objects ?? none;
  return statements.flatMap((statement) => statement.objects ?? none);
}
