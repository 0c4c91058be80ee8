/** Whose statement has made a copy, and the last of theirs that did. */
export interface CopyAuthor {
  /** `${issuer}#${subject}` */
  readonly id: string;
  readonly name: string;
  /** Other names of the same person. */
  readonly aliases: readonly string[];
  readonly session: string;
  readonly op: number;
  readonly at: number;
}

/** A column that holds a copy of protected values: protected as its origin is, though no pattern names it. */
export interface CopiedColumn {
  readonly id: string;
  /** The target through which it was made, and the database behind it (`host:port/database`), which others may share. */
  readonly target: string;
  readonly database: string;
  /** Of the server itself, whatever it is reached by, and of its replicas; null until the catalog has said it. */
  readonly identity: string | null;
  readonly schema: string;
  readonly table: string;
  /** Null: every column. */
  readonly column: string | null;
  /** pg_class.oid and attnum, which stay when names change; 0 until the catalog has shown them. */
  readonly relation: number;
  readonly attribute: number;
  readonly class: string;
  /** Holds computed values: nothing of it may be seen. */
  readonly derived: boolean;
  /** The transaction that made it has ended well; until then it may come to nothing. */
  readonly confirmed: boolean;
  readonly since: number;
  /** Everybody whose statements have made it; empty when it was made before that was noted. */
  readonly authors: readonly CopyAuthor[];
}

/** How it went to end the protection of a copy: one that a transaction under way writes stays protected. */
export type CopyEnd = 'ended' | 'under way' | 'unknown';

/** Where copies are kept; what `save` was given is on disk when it returns. */
export interface CopiedColumnStore {
  /** Those made through this target, or in this database through any other. */
  list(target: string, database: string): readonly CopiedColumn[];
  /** Those made in the database of this identity, by whatever address. */
  ofIdentity(identity: string): readonly CopiedColumn[];
  save(column: CopiedColumn): void;
  remove(id: string): void;
}

/** A copy as the analysis of a statement names it. */
export type NamedCopy = Pick<
  CopiedColumn,
  'schema' | 'table' | 'column' | 'relation' | 'attribute' | 'class' | 'derived'
>;

/** Relations as a reading of the catalog shows them. */
export interface ShownRelation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly { readonly attnum: number; readonly name: string }[];
}
