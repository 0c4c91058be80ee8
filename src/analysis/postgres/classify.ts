import { nameTest } from '../../lib/glob.js';
import type {
  ClassifiedColumns,
  CopyOfProtected,
  ProtectedColumn,
  RawCatalog,
  RawRelation,
} from '../postgres-types.js';

/** What protects one column: its own pattern's class, and the classes of what has been copied into it. */
export interface Guard {
  readonly sources: readonly ProtectedColumn[];
  /** Nothing of it may be seen: it holds computed values, or values of several classes. */
  readonly derived: boolean;
}

/** Guards by relation OID and column name. */
export type Protection = ReadonlyMap<number, ReadonlyMap<string, Guard>>;
type Found = Map<number, Map<string, Guard>>;

/** Schemas of the server itself; only a pattern that names one of them literally reaches into it. */
export const systemSchemas: ReadonlySet<string> = new Set(['pg_catalog', 'information_schema', 'pg_toast']);

/** Applies the classification's patterns to the catalog and carries protection along inheritance. */
export function classify(raw: RawCatalog, classified: ClassifiedColumns): Protection {
  const patterns = classified.columns.map((column) => ({
    matches: [column.schema, column.table, column.column].map(nameTest),
    class: column.class,
    schema: column.schema,
  }));
  const found: Found = new Map();
  for (const relation of raw.relations) {
    const usable = patterns.filter((pattern) => {
      const [schema, table] = pattern.matches;
      if (systemSchemas.has(relation.schema) && pattern.schema.includes('*')) return false;
      return schema?.(relation.schema) === true && table?.(relation.name) === true;
    });
    if (usable.length === 0) continue;
    for (const column of relation.columns) {
      const pattern = usable.find((candidate) => candidate.matches[2]?.(column.name) === true);
      if (pattern !== undefined) protect(found, relation, column.name, { class: pattern.class, derived: false });
    }
  }
  guardCopies(raw, classified.copies ?? [], found);
  inherit(raw, found);
  return found;
}

/** Columns that were filled from protected ones: found again by OID, or by name while that is all there is. */
function guardCopies(raw: RawCatalog, copies: readonly CopyOfProtected[], found: Found): void {
  if (copies.length === 0) return;
  const byOid = new Map(raw.relations.map((relation) => [relation.oid, relation]));
  const byName = new Map(raw.relations.map((relation) => [`${relation.schema}\u0000${relation.name}`, relation]));
  for (const copy of copies) {
    const relation = copy.relation === 0 ? byName.get(`${copy.schema}\u0000${copy.table}`) : byOid.get(copy.relation);
    for (const { name, attnum } of relation?.columns ?? []) {
      const isMeant = copy.attribute === 0 ? copy.column === null || copy.column === name : copy.attribute === attnum;
      if (relation !== undefined && isMeant) protect(found, relation, name, copy);
    }
  }
}

/** Adds a guard to a column; says whether that changed anything. */
function protect(
  found: Found,
  relation: RawRelation,
  column: string,
  by: { readonly class: string; readonly derived: boolean },
): boolean {
  let columns = found.get(relation.oid);
  if (columns === undefined) {
    columns = new Map();
    found.set(relation.oid, columns);
  }
  const guard = columns.get(column);
  const isKnown = guard?.sources.some((source) => source.class === by.class) === true;
  if (guard !== undefined && isKnown && (guard.derived || !by.derived)) return false;
  const own: ProtectedColumn = { schema: relation.schema, table: relation.name, column, class: by.class };
  const sources = isKnown ? (guard?.sources ?? []) : [...(guard?.sources ?? []), own];
  columns.set(column, { sources, derived: by.derived || guard?.derived === true || sources.length > 1 });
  return true;
}

/**
 * Children and partitions hold their parent's rows, and a parent shows its children's: a column protected in one is
 * protected in the other, by name. First down to every descendant, then up; a sibling is touched only where rows move.
 */
function inherit(raw: RawCatalog, found: Found): void {
  const byOid = new Map(raw.relations.map((relation) => [relation.oid, relation]));
  const carry = (from: number, to: number): boolean => {
    const target = byOid.get(to);
    let changed = false;
    for (const [name, { sources, derived }] of found.get(from) ?? []) {
      const exists = target?.columns.some((candidate) => candidate.name === name) === true;
      if (target === undefined || !exists) continue;
      for (const source of sources) changed = protect(found, target, name, { class: source.class, derived }) || changed;
    }
    return changed;
  };
  untilStable(() => raw.inherits.map(({ child, parent }) => carry(parent, child)).includes(true));
  untilStable(() => raw.inherits.map(({ child, parent }) => carry(child, parent)).includes(true));
  // An UPDATE of its key moves a row from one partition to another.
  const partitions = raw.inherits.filter(({ parent }) => byOid.get(parent)?.kind === 'p');
  untilStable(() => partitions.map(({ child, parent }) => carry(parent, child)).includes(true));
}

function untilStable(step: () => boolean): void {
  while (step());
}
