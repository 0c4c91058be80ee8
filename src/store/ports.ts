/** One act of applying a bundle. */
export interface BundleVersion {
  readonly version: string;
  readonly appliedAt: number;
  readonly by: string;
  readonly message: string | null;
}

/** Every bundle that was ever applied; the newest entry is the one in force. */
export interface BundleStore {
  latest(): { readonly version: string; readonly files: ReadonlyMap<string, string> } | null;
  files(version: string): ReadonlyMap<string, string> | null;
  /** Oldest first; a version that was applied again stands there again. */
  list(): readonly BundleVersion[];
  append(entry: BundleVersion & { readonly files: ReadonlyMap<string, string> }): void;
}

/** An act on the gateway itself: who did what to what, and how it ended. */
export interface AuditEntry {
  readonly at: number;
  readonly actor: string;
  readonly action: string;
  readonly object: string;
  readonly outcome: 'done' | 'refused' | 'failed';
  readonly detail: Readonly<Record<string, string>>;
}

/** The audit trail: it only grows. */
export interface AuditStore {
  /** Returns once it is on disk. */
  append(entry: AuditEntry): void;
  /** Newest first; `before` is the `sequence` of the last one seen. */
  list(page: {
    readonly limit: number;
    readonly before?: number;
  }): readonly (AuditEntry & { readonly sequence: number })[];
  /** Oldest first, of those with a higher `sequence`. */
  after(sequence: number, limit: number): readonly (AuditEntry & { readonly sequence: number })[];
}

/** Small facts of this gateway, such as its id. */
export interface KeyValueStore {
  get(key: string): string | null;
  set(key: string, value: string): void;
  /** The value that stands there already, or this one. */
  ensure(key: string, make: () => string): string;
}
