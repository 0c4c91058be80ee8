interface Entry<V> {
  readonly scope: number;
  readonly key: string;
  readonly value: V;
  readonly bytes: number;
  older: Entry<V> | null;
  newer: Entry<V> | null;
}

/**
 * A map in scopes that forgets what was used longest ago, bounded by entries and by bytes. A look-up is two reads of a
 * Map with the caller's own string, which is never copied or joined, and four pointers.
 */
export class LruCache<V> {
  readonly #scopes = new Map<number, Map<string, Entry<V>>>();
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  #oldest: Entry<V> | null = null;
  #newest: Entry<V> | null = null;
  #size = 0;
  #bytes = 0;

  constructor(maxEntries: number, maxBytes: number) {
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(scope: number, key: string): V | undefined {
    const entry = this.#scopes.get(scope)?.get(key);
    if (entry === undefined) return undefined;
    if (entry !== this.#newest) {
      this.#unlink(entry);
      this.#append(entry);
    }
    return entry.value;
  }

  /** Something larger than an eighth of the whole is not kept: it would push out everything else. */
  set(scope: number, key: string, value: V, bytes: number): void {
    this.delete(scope, key);
    if (bytes > this.#maxBytes / 8) return;
    const entry: Entry<V> = { scope, key, value, bytes, older: null, newer: null };
    let entries = this.#scopes.get(scope);
    if (entries === undefined) {
      entries = new Map();
      this.#scopes.set(scope, entries);
    }
    entries.set(key, entry);
    this.#append(entry);
    this.#size++;
    this.#bytes += bytes;
    while (this.#oldest !== null && (this.#size > this.#maxEntries || this.#bytes > this.#maxBytes)) {
      this.delete(this.#oldest.scope, this.#oldest.key);
    }
  }

  delete(scope: number, key: string): void {
    const entries = this.#scopes.get(scope);
    const entry = entries?.get(key);
    if (entries === undefined || entry === undefined) return;
    entries.delete(key);
    if (entries.size === 0) this.#scopes.delete(scope);
    this.#unlink(entry);
    this.#size--;
    this.#bytes -= entry.bytes;
  }

  clear(): void {
    this.#scopes.clear();
    this.#oldest = null;
    this.#newest = null;
    this.#size = 0;
    this.#bytes = 0;
  }

  #append(entry: Entry<V>): void {
    entry.older = this.#newest;
    entry.newer = null;
    if (this.#newest === null) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink(entry: Entry<V>): void {
    if (entry.older === null) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    if (entry.newer === null) this.#newest = entry.older;
    else entry.newer.older = entry.older;
  }
}
