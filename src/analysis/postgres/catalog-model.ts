import type { Effect } from '../effects.js';
import type {
  ClassifiedColumns,
  ProtectedColumn,
  ProtectedOrigin,
  RawCatalog,
  RawEventTrigger,
  RawExpression,
  RawForeignKey,
  RawForeignTable,
  RawFunction,
  RawRelation,
  RawRule,
  RawTrigger,
} from '../postgres-types.js';
import { classify, systemSchemas, type Guard, type Protection } from './classify.js';
import { columnValue, touches } from './column-value.js';
import { ImplicitCalls } from './implicit-calls.js';
import type { ExpressionReading, FunctionCandidates, Relation, ViewReading } from './relation.js';
import { isAbout, objectLine } from './object-line.js';
import { isBuiltin, takes } from './overloads.js';
import { derive, isTainted, type Field, type Value } from './value.js';

/** Reads a view's definition; comes as an argument because reading one needs this catalog. */
export type ReadView = (catalog: Catalog, definition: string | null, columns: number) => ViewReading;

/** Reads an expression over the columns of a row. */
export type ReadExpression = (catalog: Catalog, text: string | null, fields: readonly Field[]) => ExpressionReading;

/** What else happens when a relation is written. */
export interface Attached {
  readonly triggers: readonly RawTrigger[];
  readonly rules: readonly RawRule[];
  /** Foreign keys of other tables that refer to it. */
  readonly referring: readonly RawForeignKey[];
}

const nothing: Attached = { triggers: [], rules: [], referring: [] };
const unreadable: ViewReading = { fields: null, touchesProtected: true, calls: [], objects: [] };

/** One database's catalog with its classification applied: every look-up the analysis makes. */
export class Catalog {
  readonly target: string;
  readonly database: string;
  readonly major: number;
  readonly searchPath: readonly string[];
  /** Every protected column, tables' and views' own. */
  readonly protectedColumns: readonly ProtectedColumn[];
  /** The session has temporary relations of its own. */
  readonly hasTemporary: boolean;
  /** The end of the open transaction, or of a part of it, changes what names mean. */
  readonly isChanged: boolean;
  /** Functions that may move the path, as effects name them. */
  readonly movers: ReadonlySet<string>;
  /** Anything is classified at all: then a relation that is not known may be protected. */
  readonly isClassified: boolean;
  readonly #protection: Protection;
  readonly #raw = new Map<string, RawRelation>();
  readonly #relations = new Map<number, Relation>();
  readonly #parents = new Map<number, readonly number[]>();
  readonly #reading = new Set<number>();
  readonly #functions = new Map<string, RawFunction[]>();
  readonly #types = new Map<string, number>();
  readonly #domains = new Set<string>();
  /** What is called without a call. */
  readonly implicit: ImplicitCalls;
  readonly #readView: ReadView;
  readonly #readExpression: ReadExpression;
  /** Functions that run when something is defined. */
  readonly eventTriggers: readonly RawEventTrigger[];
  readonly triggers: readonly RawTrigger[];
  readonly #attached = new Map<number, { triggers: RawTrigger[]; rules: RawRule[]; referring: RawForeignKey[] }>();
  readonly #expressions = new Map<number, RawExpression[]>();
  readonly #children = new Map<number, number[]>();
  readonly #keys = new Map<number, readonly number[]>();
  readonly #foreign = new Map<number, RawForeignTable>();
  readonly #primaryKeys = new Map<number, readonly number[]>();
  readonly #byOid = new Map<number, RawRelation>();
  readonly #identities = new Map<number, string>();
  readonly #collations: ReadonlyMap<string, string>;

  constructor(raw: RawCatalog, classified: ClassifiedColumns, readView: ReadView, readExpression: ReadExpression) {
    this.target = classified.target;
    this.database = raw.database;
    this.major = raw.serverMajor;
    this.searchPath = raw.searchPath;
    this.isChanged = raw.isChanged === true;
    this.movers = new Set((raw.movers ?? []).map((path) => path.join('.')));
    this.isClassified = classified.columns.length > 0;
    this.hasTemporary = raw.relations.some((relation) => relation.schema === 'pg_temp');
    this.#readView = readView;
    this.#readExpression = readExpression;
    this.#protection = classify(raw, classified);
    this.protectedColumns = [...this.#protection.values()].flatMap((columns) =>
      [...columns.values()].flatMap((guard) => guard.sources),
    );
    for (const { child, parent } of raw.inherits)
      this.#parents.set(child, [...(this.#parents.get(child) ?? []), parent]);
    for (const relation of raw.relations) {
      this.#raw.set(key(relation.schema, relation.name), relation);
      this.#byOid.set(relation.oid, relation);
    }
    for (const { relation, columns } of raw.partitioned ?? []) this.#keys.set(relation, columns);
    for (const { relation, columns } of raw.primaryKeys ?? []) this.#primaryKeys.set(relation, columns);
    for (const foreign of raw.foreignTables ?? []) this.#foreign.set(foreign.relation, foreign);
    this.eventTriggers = raw.eventTriggers ?? [];
    this.triggers = raw.triggers ?? [];
    for (const trigger of this.triggers) this.#attach(trigger.relation).triggers.push(trigger);
    for (const rule of raw.rules ?? []) this.#attach(rule.relation).rules.push(rule);
    for (const foreignKey of raw.foreignKeys ?? []) this.#attach(foreignKey.parent).referring.push(foreignKey);
    for (const expression of raw.expressions ?? []) push(this.#expressions, expression.relation, expression);
    for (const { child, parent } of raw.inherits) push(this.#children, parent, child);
    for (const fn of raw.functions) push(this.#functions, fn.name, fn);
    for (const { name, internal, base } of raw.types ?? []) {
      this.#types.set(name, base);
      if (internal === null) this.#domains.add(name);
      else this.#types.set(internal, base);
    }
    this.#collations = new Map(
      (raw.collations ?? []).map(({ relation, attnum, name }) => [`${relation}.${attnum}`, name]),
    );
    this.implicit = new ImplicitCalls(raw);
  }

  /** The effects' common root. */
  get root(): readonly [string, string] {
    return [this.target, this.database];
  }

  /** Schemas in which an unqualified relation is looked for, in order. PostgreSQL 20.11.1, search_path. */
  get relationPath(): readonly string[] {
    const implicit = this.searchPath.includes('pg_catalog') ? ['pg_temp'] : ['pg_temp', 'pg_catalog'];
    return [...implicit, ...this.searchPath];
  }

  /** Where CREATE without a schema puts things. */
  get creationSchema(): string {
    return this.searchPath[0] ?? 'public';
  }

  /** The relation that a name means; null when the catalog has none. */
  relation(schema: string, name: string): Relation | null {
    for (const candidate of schema === '' ? this.relationPath : [schema]) {
      const raw = this.#raw.get(key(candidate, name));
      if (raw !== undefined) return this.#load(raw);
    }
    return null;
  }

  /** Every relation that shows this one's rows as its own: parents of its partitions and inheritance, and theirs. */
  ancestors(oid: number): readonly Relation[] {
    const seen = new Set<number>();
    const visit = (of: number): void => {
      for (const parent of this.#parents.get(of) ?? []) {
        if (seen.has(parent)) continue;
        seen.add(parent);
        visit(parent);
      }
    };
    visit(oid);
    return [...this.#raw.values()].filter((raw) => seen.has(raw.oid)).map((raw) => this.#load(raw));
  }

  /** What a write to this relation sets off, and to those it is written or shown with. */
  attached(oid: number): readonly Attached[] {
    return this.family(oid).map((member) => this.#attached.get(member) ?? nothing);
  }

  /** The OIDs of a relation and of those it is written or shown with: partitions and children. */
  family(oid: number): readonly number[] {
    const family = new Set([oid]);
    for (const member of family) for (const child of this.#children.get(member) ?? []) family.add(child);
    for (const parent of this.ancestors(oid)) family.add(parent.oid);
    return [...family];
  }

  /** One line that says which relation this is and what it is made of; another object of its name has another. */
  identity({ oid, schema, name }: Relation): string {
    const known = this.#identities.get(oid);
    if (known !== undefined) return known;
    const raw = this.#byOid.get(oid);
    const family = [oid];
    for (const member of family) for (const child of this.#children.get(member) ?? []) family.push(child);
    const made = JSON.stringify([
      raw?.kind,
      raw?.columns,
      raw?.definition,
      family,
      this.#expressions.get(oid),
      this.#foreign.get(oid),
    ]);
    const line = objectLine('relation', schema, name, `${oid} ${raw?.kind ?? ''}`, made);
    this.#identities.set(oid, line);
    return line;
  }

  /** The column that one of a foreign table stands for, where the table is one of this database. */
  foreignColumn(oid: number, attnum: number): { readonly relation: Relation; readonly column: string } | null {
    const foreign = this.#foreign.get(oid);
    const column = foreign?.columns.find(([own]) => own === attnum)?.[1];
    const raw = foreign === undefined ? undefined : this.#raw.get(key(foreign.schema, foreign.table));
    if (raw === undefined || column === undefined || raw.oid === oid || this.#reading.has(raw.oid)) return null;
    return { relation: this.#load(raw), column };
  }

  /** What protects a column itself: its pattern, and what was copied into it; not what a definition makes of it. */
  guard(oid: number, column: string): Guard | null {
    return this.#protection.get(oid)?.get(column) ?? null;
  }

  /** Relations that hold what was computed with the help of this name; null: of some function. */
  computedBy(name: string | null): readonly Relation[] {
    const isMeant = (line: string): boolean => (name === null ? line.startsWith('function ') : isAbout(line, name));
    return [...this.#raw.values()]
      .filter(({ oid, kind }) => kind === 'm' || this.#expressions.has(oid))
      .map((raw) => this.#load(raw))
      .filter(({ computedFrom }) => computedFrom.some(isMeant));
  }

  relationOf(oid: number): Relation | null {
    const raw = this.#byOid.get(oid);
    return raw === undefined ? null : this.#load(raw);
  }

  /** Says whether this column decides, or may decide, in which partition of the table a row is. */
  isPartitionKey({ oid, fields, attnums }: Relation, column: string): boolean {
    const key = this.#keys.get(oid) ?? [0];
    return key.includes(0) || key.includes(attnums[fields.findIndex(({ name }) => name === column)] ?? 0);
  }

  /** The columns of a table's primary key; those of a table that is not known, or has none, are none. */
  primaryKey({ oid, fields, attnums }: Relation): readonly Field[] {
    const key = this.#primaryKeys.get(oid) ?? [];
    return fields.filter((_, index) => key.includes(attnums[index] ?? 0));
  }

  #attach(oid: number): { triggers: RawTrigger[]; rules: RawRule[]; referring: RawForeignKey[] } {
    let found = this.#attached.get(oid);
    if (found === undefined) {
      found = { triggers: [], rules: [], referring: [] };
      this.#attached.set(oid, found);
    }
    return found;
  }

  /** The text of a view. */
  definition(relation: Relation): string | null {
    return this.#raw.get(key(relation.schema, relation.name))?.definition ?? null;
  }

  /** The relation whose row type has this name, as format_type writes it. */
  rowType(type: string): Relation | null {
    const parts = type.split('.').map((part) => part.replace(/^"(.*)"$/, '$1').replaceAll('""', '"'));
    const [first = '', second] = parts;
    return second === undefined ? this.relation('', first) : this.relation(first, second);
  }

  /** The functions that a call may mean: every overload on the path that takes so many arguments; -1 for any number. */
  functions(schema: string, name: string, argumentCount: number): FunctionCandidates {
    const path = schema === '' ? new Set(['pg_catalog', ...this.searchPath]) : new Set([schema]);
    const builtin: RawFunction[] = [];
    const user: RawFunction[] = [];
    for (const fn of this.#functions.get(name) ?? []) {
      if (!path.has(fn.schema)) continue;
      if (isBuiltin(fn)) builtin.push(fn);
      else if (takes(fn, argumentCount)) user.push(fn);
    }
    return { builtin, user };
  }

  /** Says whether this is a domain, as format_type names it: a conversion to it fails for what its checks forbid. */
  isDomain(type: string): boolean {
    return this.#domains.has(type);
  }

  /** The OID of a type as SQL or format_type names it, a domain's being that under it; 0 when it is not known. */
  typeOid(type: string): number {
    return this.#types.get(type.replace(/\(\s*-?\d+(\s*,\s*-?\d+)?\s*\)/, '')) ?? 0;
  }

  /** All relations, loaded: for the origins of RowDescription. */
  *relations(): Generator<Relation> {
    for (const raw of this.#raw.values()) yield this.#load(raw);
  }

  /** Protected columns as RowDescription names them, by `${oid}.${attnum}`. */
  origins(): Map<string, ProtectedOrigin> {
    const origins = new Map<string, ProtectedOrigin>();
    for (const relation of this.relations()) {
      relation.fields.forEach(({ value }, index) => {
        if (!isTainted(value) || systemSchemas.has(relation.schema)) return;
        const sources = value.unknown ? this.protectedColumns : value.sources;
        origins.set(`${relation.oid}.${relation.attnums[index] ?? 0}`, { sources, derived: value.derived });
      });
    }
    return origins;
  }

  #load(raw: RawRelation): Relation {
    const known = this.#relations.get(raw.oid);
    if (known !== undefined) return known;
    const view = raw.kind === 'v' || raw.kind === 'm' ? this.#view(raw) : null;
    const shared = { schema: raw.schema, relation: raw.name, isClassified: this.isClassified };
    const plain = raw.columns.map((column, index) => ({
      name: column.name,
      value: columnValue(
        { ...column, ...shared, collation: this.#collations.get(`${raw.oid}.${column.attnum}`) },
        this.#protection.get(raw.oid)?.get(column.name),
        view === null ? this.#behind(raw, column.attnum) : (view.fields?.[index] ?? 'unknown'),
      ),
    }));
    const { fields, written, computedFrom } = this.#stored(raw, plain);
    const relation: Relation = {
      oid: raw.oid,
      schema: raw.schema,
      name: raw.name,
      kind: raw.kind,
      attnums: raw.columns.map((column) => column.attnum),
      fields,
      touchesProtected: view?.touchesProtected === true || touches(raw.schema, fields),
      calls: view?.calls ?? [],
      objects: view?.objects ?? [],
      written,
      computedFrom: raw.kind === 'm' ? (view?.objects ?? []) : computedFrom,
    };
    if (!this.#reading.has(raw.oid)) this.#relations.set(raw.oid, relation);
    return relation;
  }

  /**
   * A generated column shows what it is computed from, and one whose default reads protected values may hold them. What
   * a default in another language gives nobody knows: it is code that was in the database before.
   */
  #stored(raw: RawRelation, plain: readonly Field[]): Pick<Relation, 'fields' | 'written' | 'computedFrom'> {
    const expressions = this.#reading.has(raw.oid) ? [] : (this.#expressions.get(raw.oid) ?? []);
    if (expressions.length === 0) return { fields: plain, written: { insert: [], update: [] }, computedFrom: [] };
    const fields = [...plain];
    const insert: Effect[] = [];
    const update: Effect[] = [];
    const computedFrom: string[] = [];
    const hasProtected = plain.some(({ value }) => isTainted(value));
    this.#reading.add(raw.oid);
    try {
      for (const { attnum, generated, text } of expressions) {
        const { value, calls, objects } = this.#readExpression(this, text, generated ? plain : []);
        computedFrom.push(...objects);
        insert.push(...calls);
        if (generated) update.push(...calls);
        const index = raw.columns.findIndex((column) => column.attnum === attnum);
        const field = fields[index];
        const counts = value.unknown ? generated && hasProtected : value.sources.length > 0;
        if (field === undefined || !counts) continue;
        fields[index] = { ...field, value: { ...derive([field.value, value], field.value.type), derived: true } };
      }
    } finally {
      this.#reading.delete(raw.oid);
    }
    return { fields, written: { insert, update }, computedFrom };
  }

  /** What the generated columns of a relation show of a row with these fields. */
  generated(oid: number, fields: readonly Field[]): readonly { readonly attnum: number; readonly value: Value }[] {
    return (this.#expressions.get(oid) ?? [])
      .filter(({ generated }) => generated)
      .map(({ attnum, text }) => ({ attnum, value: this.#readExpression(this, text, fields).value }));
  }

  /** What a foreign table shows of a protected column of this database. */
  #behind(raw: RawRelation, attnum: number): Field | null {
    if (raw.kind !== 'f') return null;
    this.#reading.add(raw.oid);
    const found = this.foreignColumn(raw.oid, attnum);
    this.#reading.delete(raw.oid);
    const field = found?.relation.fields.find(({ name }) => name === found.column);
    return field !== undefined && isTainted(field.value) ? field : null;
  }

  /** System views are the server's own and judged by name; a view inside its own definition cannot be read. */
  #view(raw: RawRelation): ViewReading | null {
    if (systemSchemas.has(raw.schema)) return null;
    if (this.#reading.has(raw.oid)) return unreadable;
    this.#reading.add(raw.oid);
    try {
      return this.#readView(this, raw.definition, raw.columns.length);
    } finally {
      this.#reading.delete(raw.oid);
    }
  }
}

function key(schema: string, name: string): string {
  return `${schema}\u0000${name}`;
}

function push<K, T>(map: Map<K, T[]>, name: K, item: T): void {
  const items = map.get(name);
  if (items === undefined) map.set(name, [item]);
  else items.push(item);
}
