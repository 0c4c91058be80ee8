import type { Effect } from './effects.js';
import type { TextSecrets } from './text-secrets.js';

/** A protected column: where it lives and the data class that protects it. */
export interface ProtectedColumn {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  readonly class: string;
}

/** A column that a statement fills with protected values, or with what is computed from them. */
export interface CopyOfProtected {
  readonly schema: string;
  readonly table: string;
  /** Null: every column of the table. */
  readonly column: string | null;
  /** pg_class.oid and attnum; 0 for what is yet to come, which only has its name. */
  readonly relation: number;
  readonly attribute: number;
  readonly class: string;
  /** Computed: nothing of it may be seen, not even what its class would show. */
  readonly derived: boolean;
}

/** One column of a result, in order. */
export interface OutputColumn {
  readonly name: string;
  /** Protected columns its value derives from; empty when it derives from nothing protected. */
  readonly sources: readonly ProtectedColumn[];
  /** False: it IS the one column in `sources`, unchanged. True: computed from its sources. */
  readonly derived: boolean;
  /** The analyser could not tell: mask whole unless `reveal` covers everything. */
  readonly unknown: boolean;
}

/** What EXPLAIN is asked for. */
export interface ExplainOptions {
  /** ANALYZE. */
  readonly runs: boolean;
  /** COSTS, which it shows unless told otherwise. */
  readonly showsSizes: boolean;
}

/** What one statement does to the session, which the engine must follow. */
export type SessionChange =
  | { readonly type: 'begin' }
  | { readonly type: 'commit' } // also END, PREPARE TRANSACTION
  | { readonly type: 'rollback' }
  /** A transaction is prepared under this name, or the one of this name ends. */
  | { readonly type: 'twoPhase'; readonly gid: string; readonly action: 'prepare' | 'commit' | 'rollback' }
  | { readonly type: 'savepoint'; readonly name: string; readonly action: 'set' | 'release' | 'rollback' }
  | { readonly type: 'prepare'; readonly name: string; readonly body: StatementAnalysis }
  | {
      readonly type: 'execute';
      readonly name: string;
      /** Where the constants of each argument stand in the text. */
      readonly arguments?: readonly (readonly { readonly start: number; readonly end: number }[])[];
      /** Not executed but explained. */
      readonly explained?: ExplainOptions;
    }
  | { readonly type: 'deallocate'; readonly name: string | null } // null: ALL
  | { readonly type: 'declareCursor'; readonly name: string; readonly hold: boolean; readonly body: StatementAnalysis }
  | { readonly type: 'fetch'; readonly name: string; readonly move: boolean }
  | { readonly type: 'closeCursor'; readonly name: string | null }
  | { readonly type: 'discard'; readonly all: boolean }
  | { readonly type: 'catalogChange' } // DDL: the catalog must be reloaded once this has run
  | { readonly type: 'copyIn' }
  | {
      readonly type: 'copyOut';
      readonly format: 'text' | 'csv' | 'binary';
      readonly csv: CopyCsvOptions;
      /** The OID of each column's type, a domain's being that under it; 0 where it is not known. */
      readonly types: readonly number[];
    };

/** Delimiters of a COPY in text or csv form (defaults: text `\t`, `\N`; csv `,`, empty). */
export interface CopyCsvOptions {
  readonly delimiter: string;
  readonly nullText: string;
  readonly quote: string;
  readonly escape: string;
  readonly header: boolean;
}

/** All that is known of one statement before it runs. */
export interface StatementAnalysis {
  /** The parser's node name: SelectStmt, InsertStmt, DropStmt… */
  readonly node: string;
  /** The statement's own text, as it stands in the query. */
  readonly text: string;
  readonly effects: readonly Effect[];
  /** Result columns in order; null when the statement returns no rows; 'unknown' when they cannot be named. */
  readonly output: readonly OutputColumn[] | 'unknown' | null;
  /** Reads or names a relation that has protected columns (or may): errors and notices are scrubbed. */
  readonly touchesProtected: boolean;
  /** Relations and functions that are named here but not in the catalog: it may be stale. Absent for none. */
  readonly missing?: readonly string[];
  readonly changes: readonly SessionChange[];
  /**
   * What its names mean, one line an object: which relation or function, and what it was made of. Another object of the
   * same name, or the same with another definition, has another line. Absent for none.
   */
  readonly objects?: readonly string[];
  /** Parameters of a prepared statement that meet protected columns; position 0 stands for all. Absent for none. */
  readonly secretParameters?: TextSecrets['parameters'];
  /** Of a statement within another: protected columns that its plan hands on. Absent for none. */
  readonly carries?: readonly ProtectedColumn[];
  /** Where it puts protected values: protected from then on. Absent for none. */
  readonly copies?: readonly CopyOfProtected[];
}

/** A query judged before it is sent: every statement in it, or why it cannot be judged. */
export type QueryAnalysis =
  | {
      readonly ok: true;
      readonly statements: readonly StatementAnalysis[];
      /** What of the text may be a protected value; absent for nothing. */
      readonly secrets?: TextSecrets;
    }
  | {
      readonly ok: false;
      /** `syntax`: PostgreSQL's own parser rejects it; `refused`: too large, NUL, parser fault, unsupported. */
      readonly reason: 'syntax' | 'refused';
      readonly message: string;
      /** 1-based character position for syntax errors, else 0. */
      readonly position: number;
    };

/** A loaded catalog with its classification applied; opaque to engines, compared by epoch. */
export interface CatalogHandle {
  readonly epoch: number;
  readonly serverMajor: number;
  readonly database: string;
  /** Data class by `${tableOid}.${attnum}` for every protected column, views and partitions included. */
  readonly protectedOrigins: ReadonlyMap<string, ProtectedOrigin>;
  /** OIDs of all relations known when this was loaded: an origin not in here means the catalog is stale. */
  readonly knownRelations: ReadonlySet<number>;
  /** OIDs of types whose values are checked or converted by user functions: a parameter of one is a call. */
  readonly callingTypes?: ReadonlySet<number>;
  /** Functions here may move the search path, or how texts are read, for the rest of the session. */
  readonly movesPath?: boolean;
}

/** A protected column as RowDescription names it. A view's column may be derived and have several classes. */
export interface ProtectedOrigin {
  readonly sources: readonly ProtectedColumn[];
  readonly derived: boolean;
}

/** The analyser as engines see it. */
export interface PostgresAnalyser {
  /** The cached analysis, or null when it must be computed with `analyse`. Never waits. */
  cached(sql: string, catalog: CatalogHandle): QueryAnalysis | null;
  /**
   * The analysis of another text that differs from this one in constants alone, none of which changes anything in it but
   * the text itself; null when there is none. Never waits.
   */
  alike(sql: string, catalog: CatalogHandle): { readonly sql: string; readonly analysis: QueryAnalysis } | null;
  /** Parses and analyses in a worker, with size and time caps. Never throws for bad SQL; `refused` for its own faults. */
  analyse(sql: string, catalog: CatalogHandle): Promise<QueryAnalysis>;
  /** Turns raw catalog rows and the classification into a handle, in the worker. */
  loadCatalog(raw: RawCatalog, classification: ClassifiedColumns): Promise<CatalogHandle>;
  close(): Promise<void>;
}

/** Column patterns with their class, already narrowed to one target. `*` globs in each part. */
export interface ClassifiedColumns {
  readonly target: string;
  readonly columns: readonly {
    readonly schema: string;
    readonly table: string;
    readonly column: string;
    readonly class: string;
  }[];
  /** Columns that hold copies of protected values, whatever their names. */
  readonly copies?: readonly CopyOfProtected[];
}

/** The rows of pg_class, pg_attribute, pg_proc… that analysis needs, as the catalog query returns them. */
export interface RawCatalog {
  readonly serverMajor: number;
  readonly database: string;
  /** What the database is kept in, and the locale by which it tells letters apart; absent: UTF8. */
  readonly encoding?: string;
  readonly ctype?: string;
  readonly currentUser: string;
  readonly searchPath: readonly string[];
  /** Functions whose source sets what sessions are pinned to, by schema and name. */
  readonly movers?: readonly (readonly [schema: string, name: string])[];
  /** Read within a transaction that has changed it: once that ends, names may mean something else. */
  readonly isChanged?: boolean;
  readonly relations: readonly RawRelation[];
  /** Functions beside `builtins`. */
  readonly functions: readonly RawFunction[];
  readonly builtins?: BuiltinFunctions;
  /** What the server printed, for the next reading; incomplete while others hold relations to themselves. */
  readonly printed?: PrintedDefinitions;
  /** Transactions of this database wait for COMMIT PREPARED: what they made is not shown yet. */
  readonly prepared?: boolean;
  /** `system identifier/database OID`, which the server's replicas share; null when the role may not ask for it. */
  readonly identity?: string | null;
  /** OIDs of parent relation by child (pg_inherits: partitions and inheritance). */
  readonly inherits: readonly { readonly child: number; readonly parent: number }[];
  /** Partitioned tables with the attnums of their keys; 0 stands for an expression. */
  readonly partitioned?: readonly { readonly relation: number; readonly columns: readonly number[] }[];
  /** Columns whose collation is not the database's own. */
  readonly collations?: readonly RawCollation[];
  readonly primaryKeys?: readonly { readonly relation: number; readonly columns: readonly number[] }[];
  /** Foreign tables whose server may be this database itself. */
  readonly foreignTables?: readonly RawForeignTable[];
  /** What a write sets off by itself. */
  readonly triggers?: readonly RawTrigger[];
  readonly eventTriggers?: readonly RawEventTrigger[];
  readonly rules?: readonly RawRule[];
  /** Defaults and generated columns. */
  readonly expressions?: readonly RawExpression[];
  /** Foreign keys that pass a change on. */
  readonly foreignKeys?: readonly RawForeignKey[];
  /** Built-in base types, and domains. */
  readonly types?: readonly RawType[];
  /** Operators outside pg_catalog and extensions: using one calls its function. */
  readonly operators?: readonly RawOperator[];
  /** Types whose use calls a user function: casts to them, domains with checks. */
  readonly typeCalls?: readonly RawTypeCall[];
  /** User functions by which values are compared, sorted and hashed. */
  readonly comparisons?: readonly RawComparison[];
}

/** Definitions as the server printed them, by kind and OID, and a digest of all that their meaning depends on. */
export interface PrintedDefinitions {
  readonly basis: string;
  readonly texts: ReadonlyMap<string, string>;
  readonly complete: boolean;
}

/** The server's own functions, and a mark that moves when one of their rows does. */
export interface BuiltinFunctions {
  readonly mark: string;
  readonly functions: readonly RawFunction[];
}

/** A type by the names that SQL has for it, and the OID of the base type under it (a base type's own). */
export interface RawType {
  readonly name: string;
  /** `int4` for `integer`; null for a domain. */
  readonly internal: string | null;
  readonly base: number;
}

/** pg_event_trigger, enabled: its function runs when something is defined. */
export interface RawEventTrigger {
  readonly functionSchema: string;
  readonly functionName: string;
}

/** pg_trigger, enabled and not the server's own; `type` is tgtype's bits. */
export interface RawTrigger {
  readonly relation: number;
  readonly type: number;
  readonly functionSchema: string;
  readonly functionName: string;
}

/** pg_rewrite, views' own excepted; `definition` is pg_get_ruledef's, null when it could not be printed. */
export interface RawRule {
  readonly relation: number;
  readonly event: 'insert' | 'update' | 'delete';
  readonly definition: string | null;
}

/** pg_attrdef as pg_get_expr prints it; null when it could not be printed. */
export interface RawExpression {
  readonly relation: number;
  readonly attnum: number;
  readonly generated: boolean;
  readonly text: string | null;
}

/** pg_constraint of a foreign key; actions are its letters: c cascade, n set null, d set default. */
export interface RawForeignKey {
  readonly child: number;
  readonly childColumns: readonly number[];
  readonly parent: number;
  readonly parentColumns: readonly number[];
  readonly onUpdate: string;
  readonly onDelete: string;
}

/** A user-defined operator and the function behind it. The type of an operand that it does not have is null. */
export interface RawOperator {
  readonly left?: string | null;
  readonly right?: string | null;
  readonly schema: string;
  readonly name: string;
  readonly functionSchema: string;
  readonly functionName: string;
}

/** A type to which a conversion calls a user function. */
export interface RawTypeCall {
  readonly oid?: number;
  /** Of a cast: the type that it converts, as format_type names it. Null or absent: whatever becomes one of the type. */
  readonly source?: string | null;
  readonly sourceOid?: number;
  /** A cast that the server applies of its own accord where values of its source meet others. */
  readonly implicit?: boolean;
  readonly schema: string;
  readonly name: string;
  readonly functionSchema: string;
  readonly functionName: string;
}

/** A function of an operator class, or of a range type: of a type's values wherever they are compared, or of a relation's. */
export interface RawComparison {
  /** As format_type names it; '' for that of a relation. */
  readonly type: string;
  /** Its index or partition key is kept by the operator class; 0 for that of a type. */
  readonly relation: number;
  readonly functionSchema: string;
  readonly functionName: string;
}

/** A column whose collation is not the database's own. */
export interface RawCollation {
  readonly relation: number;
  readonly attnum: number;
  /** Ends in `vague` where texts that differ can be equal by it. */
  readonly name: string;
}

/** A relation's row of pg_class with its columns. A temporary relation of the session itself has schema `pg_temp`. */
export interface RawRelation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: string; // pg_class.relkind
  readonly rowType: number;
  readonly columns: readonly {
    readonly attnum: number;
    readonly name: string;
    readonly type: string;
    readonly typeOid: number;
  }[];
  /** pg_get_viewdef for views and materialised views; null for the rest, and when it could not be printed. */
  readonly definition: string | null;
}
/** A foreign table, and the table that it stands for, by the names that its options give (postgres_fdw). */
export interface RawForeignTable {
  readonly relation: number;
  readonly schema: string;
  readonly table: string;
  /** Names there, by attnum here. */
  readonly columns: readonly (readonly [attnum: number, name: string])[];
}
/** A function's row of pg_proc. */
export interface RawFunction {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: 'f' | 'p' | 'a' | 'w';
  readonly volatility: 'i' | 's' | 'v';
  readonly language: string;
  readonly securityDefiner: boolean;
  readonly returnsSet: boolean;
  readonly argTypes: readonly string[];
  readonly returnType: string;
  /** Body of SQL-language functions that are not built in, else null. */
  readonly body: string | null;
  readonly outNames: readonly string[];
  /** Names of the input arguments, '' where they have none; absent for built-in functions. */
  readonly argNames?: readonly string[];
  /** Arguments without a default; absent means all. */
  readonly minArgs?: number;
  /** Defaults of the last ones, with commas between them; null when there are none or they could not be printed. */
  readonly defaults?: string | null;
  readonly variadic?: boolean;
  /** Moves whenever the function is replaced (pg_proc.xmin); absent for the server's own. */
  readonly mark?: string;
  /** Installed by an extension, so not by a user of the database. */
  readonly extension?: boolean;
  /** A view, constraint, index, policy, operator or other function is made of it: triggers aside. */
  readonly used?: boolean;
  /** Null as soon as an argument is null, without a look at the body. */
  readonly strict?: boolean;
}
