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

/** What came of an operation that its caller named by a key; `sealed` is null while it runs. */
export interface Outcome {
  readonly digest: string;
  readonly sealed: Buffer | null;
}

/** Outcomes by owner and key, so that a repeated call gets what the first one got. */
export interface OutcomeStore {
  /** Takes a free key and returns null, on disk then; else what stands there. */
  claim(owner: string, key: string, digest: string, at: number): Outcome | null;
  settle(owner: string, key: string, sealed: Buffer): void;
  /** Frees a key under which nothing happened. */
  release(owner: string, key: string): void;
  count(owner: string): number;
  /** Forgets what was claimed before. */
  prune(before: number): void;
}

/** A person who has shown the gateway a token, and what the last one said. */
export interface SeenPerson {
  /** `issuer#subject` */
  readonly id: string;
  readonly issuer: string;
  readonly name: string;
  /** The verified claims, as JSON. */
  readonly token: string;
  readonly seenAt: number;
}

export interface PeopleStore {
  save(person: SeenPerson): void;
  /** Those of an issuer whose name or id this is. */
  find(issuer: string, nameOrId: string): readonly SeenPerson[];
  /** Forgets whom nobody has seen since. */
  prune(before: number): void;
}

/** A public key with which a person comes to the native SSH listener. */
export interface RegisteredKey {
  readonly id: string;
  /** `issuer#subject` */
  readonly owner: string;
  readonly issuer: string;
  /** As `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
  /** `ssh-ed25519 AAAA…` */
  readonly publicKey: string;
  readonly label: string;
  readonly addedAt: number;
  readonly expiresAt: number | null;
  readonly usedAt: number | null;
}

export interface RegisteredKeyStore {
  /** False when somebody has this key already; on the disk then. */
  add(key: RegisteredKey): boolean;
  /** Oldest first. */
  of(owner: string): readonly RegisteredKey[];
  find(fingerprint: string): RegisteredKey | null;
  remove(id: string): void;
  used(id: string, at: number): void;
}

/** Messages that count once, by sender and id. */
export interface DeliveryStore {
  /** True for the first to come with this id; on the disk then. */
  claim(sender: string, id: string, at: number): boolean;
  /** Forgets what came before. */
  prune(before: number): void;
}
