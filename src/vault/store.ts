/** A secret as it is kept: sealed, useless without the master key. */
export interface StoredSecret {
  readonly name: string;
  readonly sealed: Uint8Array;
  readonly updatedAt: number;
  readonly updatedBy: string;
}

/** Where sealed secrets live. */
export interface SecretStore {
  /** Where it may be sent is not known from then on. */
  put(secret: StoredSecret): void;
  /** Where a secret may be sent; null where that is not known yet. */
  destinations(name: string): readonly string[] | null;
  sendTo(name: string, destinations: readonly string[]): void;
  get(name: string): StoredSecret | null;
  /** By name. */
  list(): readonly Omit<StoredSecret, 'sealed'>[];
  /** False when there is none of this name. */
  remove(name: string): boolean;
}
