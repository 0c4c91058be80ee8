/** What is stored under one key, in a form that can be read more than once. */
export interface ObjectContent {
  readonly bytes: number;
  readonly chunks: () => AsyncIterable<Uint8Array>;
}

/** A place for whole files elsewhere, as S3 and what speaks its protocol offer one. Whatever fails is thrown. */
export interface ObjectStore {
  /** For messages: the bucket, never a secret. */
  readonly name: string;
  /** The lock that every object here must have, in words that change with it; null: none. */
  readonly lock: string | null;
  /** Stores all of it under this key, or nothing. */
  put(key: string, content: ObjectContent): Promise<void>;
  /** Null when there is nothing under this key. */
  get(key: string): Promise<AsyncIterable<Uint8Array> | null>;
  /** Locks what is stored under this key as if it were stored now, or throws; false when there is nothing. */
  protect(key: string): Promise<boolean>;
  /** What a lock forbids to remove is removed when the lock ends, by the store's own rules. */
  remove(key: string): Promise<void>;
  close(): void;
}
