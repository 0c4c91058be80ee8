import type { Relation } from './relation.js';
import { clear, derive, either, rowValue, unknownValue, type Field, type Rows, type Value } from './value.js';

/** One named member of a FROM clause. */
export interface Source {
  readonly alias: string;
  /** The schema a bare table was found in; '' for anything with an alias or without a schema. */
  readonly schema: string;
  readonly fields: readonly Field[];
  /** It has columns that could not be named. */
  readonly open: boolean;
  /** The relation itself, whose system columns can be named. */
  readonly relation: Relation | null;
  /** Its columns as its row type names them, where `AS t(a, b)` has given it other names: a row keeps the type's. */
  readonly typed?: readonly Field[];
}

/** One item of a FROM clause: what `*` expands to, and the names under which columns can be qualified. */
export interface FromItem {
  readonly columns: readonly Field[];
  readonly open: boolean;
  readonly sources: readonly Source[];
}

/** Columns every table has beside its own. PostgreSQL 5.5. */
const systemColumns = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid']);
/** A view has none, so their names mean there what they mean further out. */
const hasSystemColumns = ({ relation }: Source): boolean => relation !== null && relation.kind !== 'v';

/** What names mean at one level of a query; look-ups go outward through `parent`. */
export class Scope {
  readonly parent: Scope | null;
  readonly items: FromItem[];
  readonly ctes = new Map<string, Rows>();
  /** Arguments of the SQL function whose body this is: by position and by name. */
  readonly parameters: readonly Value[] | null;
  readonly parameterNames: ReadonlyMap<string, Value>;

  constructor(
    parent: Scope | null,
    items: readonly FromItem[] = [],
    parameters: readonly Value[] | null = null,
    names: ReadonlyMap<string, Value> = new Map(),
  ) {
    this.parent = parent;
    this.items = [...items];
    this.parameters = parameters;
    this.parameterNames = names;
  }

  /** A common table expression of this name, or null. */
  cte(name: string): Rows | null {
    for (let scope: Scope | null = this; scope !== null; scope = scope.parent) {
      const found = scope.ctes.get(name);
      if (found !== undefined) return found;
    }
    return null;
  }

  /** An unqualified column: the innermost level that has it. PostgreSQL's colNameToVar. Null when no level has. */
  column(name: string): Value | null {
    for (let scope: Scope | null = this; scope !== null; scope = scope.parent) {
      const own = scope.ownColumn(name);
      if (own !== null) return own;
    }
    return null;
  }

  /** The same at this level only; what is not known to have it may have it. */
  ownColumn(name: string): Value | null {
    let found: Value | null = null;
    let open = false;
    for (const item of this.items) {
      open ||= item.open;
      for (const field of item.columns) {
        if (field.name === name) found = found === null ? field.value : either(found, field.value);
      }
    }
    if (found !== null) return found;
    // A join has none, whatever it joins: their names mean there what they mean further out.
    const alone = this.items.flatMap(({ sources }) => (sources.length === 1 ? sources : []));
    if (systemColumns.has(name) && alone.some(hasSystemColumns)) return clear;
    // A relation nobody could describe may have a column of this name: neither an outer one nor a whole row is that one.
    return open ? unknownValue : null;
  }

  /** An argument of the SQL function whose body this is, by its name, or by `function.name`. */
  parameterNamed(name: string): Value | null {
    for (let scope: Scope | null = this; scope !== null; scope = scope.parent) {
      const found = scope.parameterNames.get(name);
      if (found !== undefined) return found;
    }
    return null;
  }

  /** A member of FROM by its name, the innermost first. */
  source(alias: string, schema: string | null): Source | null {
    for (let scope: Scope | null = this; scope !== null; scope = scope.parent) {
      for (const item of scope.items) {
        for (const source of item.sources) {
          if (source.alias === alias && (schema === null || source.schema === schema)) return source;
        }
      }
    }
    return null;
  }

  /** `$n` inside a function's body; elsewhere a parameter the client sends, which is nothing protected. */
  parameter(position: number): Value {
    for (let scope: Scope | null = this; scope !== null; scope = scope.parent) {
      if (scope.parameters !== null) return scope.parameters[position - 1] ?? unknownValue;
    }
    return clear;
  }

  /** The columns of `*` at this level. */
  star(): Rows {
    return { fields: this.items.flatMap((item) => item.columns), open: this.items.some((item) => item.open) };
  }

  /** All that can be read at this level, as one value: for shapes that depend on every row. */
  everything(): Value {
    return derive(this.star().fields.map((field) => field.value));
  }
}

/** A column of one source; null when it has none of this name. */
export function sourceColumn(source: Source, name: string): Value | null {
  const field = source.fields.find((candidate) => candidate.name === name);
  if (field !== undefined) return field.value;
  if (hasSystemColumns(source) && systemColumns.has(name)) return clear;
  return source.open ? unknownValue : null;
}

/** The whole row of one source, whose columns are named as the type names them. */
export function sourceRow(source: Source): Value {
  return rowValue(source.typed ?? source.fields, source.open, source.relation === null ? '' : source.relation.name);
}

/** A source as the only member of its FROM item. */
export function itemOf(source: Source): FromItem {
  return { columns: source.fields, open: source.open, sources: [source] };
}
