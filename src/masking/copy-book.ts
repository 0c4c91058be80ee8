import { newId } from '../lib/ids.js';
import type { CopiedColumn, CopiedColumnStore, CopyAuthor, NamedCopy, ShownRelation } from './copied-columns.js';

/** A transaction under way that would make copies; only its identity matters. */
export type CopyMaker = object;

interface Entry {
  copy: CopiedColumn;
  /** Transactions under way that write it. */
  readonly makers: Set<CopyMaker>;
}

/** One that was lost with its session may still end well at the server: that long it is kept without a table. */
const lostMs = 60 * 60 * 1000;
/** Of copies that one session makes again and again, one is noted in this time. */
const againMs = 1_000;

/**
 * The copies of protected values in one database. A copy is protected from the moment its statement is about to be
 * sent; it is forgotten when its transaction has surely come to nothing, or when its table is gone. Whatever is
 * uncertain stays protected.
 */
export class CopyBook {
  readonly #entries = new Map<string, Entry>();
  readonly #place: { readonly target: string; readonly database: string };
  readonly #store: CopiedColumnStore | null;
  readonly #now: () => number;
  #identity: string | null = null;
  #version = 0;

  /** `store` null: for what lives and dies with a session, its temporary tables. */
  constructor(
    place: { readonly target: string; readonly database: string },
    store: CopiedColumnStore | null,
    now: () => number,
  ) {
    this.#place = place;
    this.#store = store;
    this.#now = now;
    for (const copy of store?.list(place.target, place.database) ?? [])
      this.#entries.set(copy.id, { copy, makers: new Set() });
  }

  /** Moves whenever what is protected changes. */
  get version(): number {
    return this.#version;
  }

  list(): readonly CopiedColumn[] {
    return [...this.#entries.values()].map(({ copy }) => copy);
  }

  /** The server has said who it is. */
  identify(identity: string): void {
    this.#identity = identity;
    for (const entry of this.#entries.values()) {
      if (entry.copy.identity === identity || entry.copy.database !== this.#place.database) continue;
      entry.copy = { ...entry.copy, identity };
      this.#save(entry);
    }
  }

  /** What no transaction under way can change: only these may be forgotten by a reading that begins now. */
  settled(): ReadonlySet<string> {
    return new Set([...this.#entries].filter(([, { makers }]) => makers.size === 0).map(([id]) => id));
  }

  /** Before a statement is sent that makes these. */
  note(copies: readonly NamedCopy[], maker: CopyMaker, by: Omit<CopyAuthor, 'at'>): void {
    const author = { ...by, at: this.#now() };
    for (const named of copies) {
      const known = this.#find(named);
      if (known !== null) {
        known.makers.add(maker);
        this.#sign(known, author);
        continue;
      }
      const { schema, table, column, relation, attribute, derived } = named;
      const copy: CopiedColumn = {
        ...{ ...this.#place, identity: this.#identity },
        ...{ schema, table, column, relation, attribute, derived, class: named.class },
        id: newId('cpy'),
        confirmed: false,
        since: author.at,
        authors: [author],
      };
      this.#save({ copy, makers: new Set([maker]) });
      this.#version++;
    }
  }

  /** The transaction has ended: well, not at all, or nobody knows. */
  settle(maker: CopyMaker, outcome: 'kept' | 'undone' | 'unknown'): void {
    for (const entry of [...this.#entries.values()]) {
      if (!entry.makers.delete(maker)) continue;
      const { confirmed } = entry.copy;
      if (outcome === 'kept' && !confirmed) {
        entry.copy = { ...entry.copy, confirmed: true };
        this.#save(entry);
      }
      if (outcome === 'undone' && !confirmed && entry.makers.size === 0) this.#remove(entry);
    }
  }

  /** Says whether a transaction under way writes it; null when there is no such copy. */
  isUnderWay(id: string): boolean | null {
    const entry = this.#entries.get(id);
    return entry === undefined ? null : entry.makers.size > 0;
  }

  /** Ends the protection of one. Made again, it is a new one. */
  end(id: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#remove(entry);
  }

  /** Learns OIDs from what a session sees inside its own transaction, so that a later name is found again. */
  bind(relations: readonly ShownRelation[], makers: ReadonlySet<CopyMaker>): void {
    for (const entry of this.#entries.values()) {
      const isOwn = [...entry.makers].some((maker) => makers.has(maker));
      if (entry.copy.relation === 0 && isOwn) this.#bind(entry, relations);
    }
  }

  /**
   * Learns from what everybody sees: OIDs, new names, and what is gone. `settled` was asked for before the reading
   * began; `prepared`: transactions wait for COMMIT PREPARED, whose tables nobody sees yet.
   */
  follow(relations: readonly ShownRelation[], settled: ReadonlySet<string>, prepared: boolean): void {
    const byOid = new Map(relations.map((relation) => [relation.oid, relation]));
    for (const entry of [...this.#entries.values()]) {
      if (!settled.has(entry.copy.id)) continue;
      if (entry.copy.relation === 0) this.#bind(entry, relations);
      const { relation, attribute, confirmed, since } = entry.copy;
      const shown = byOid.get(relation);
      if (shown !== undefined) {
        const column = shown.columns.find(({ attnum }) => attnum === attribute);
        if (attribute !== 0 && column === undefined) this.#remove(entry);
        else this.#rename(entry, shown, column?.name ?? null);
      } else if (!prepared && (relation !== 0 || confirmed || this.#now() - since > lostMs)) this.#remove(entry);
    }
  }

  #bind(entry: Entry, relations: readonly ShownRelation[]): void {
    const { schema, table, column } = entry.copy;
    const shown = relations.find((relation) => relation.schema === schema && relation.name === table);
    const attribute = shown?.columns.find(({ name }) => name === column)?.attnum;
    if (shown === undefined || (column !== null && attribute === undefined)) return;
    entry.copy = { ...entry.copy, relation: shown.oid, attribute: attribute ?? 0 };
    this.#save(entry);
  }

  #rename(entry: Entry, { schema, name: table }: ShownRelation, column: string | null): void {
    const { copy } = entry;
    if (copy.schema === schema && copy.table === table && copy.column === column) return;
    entry.copy = { ...copy, schema, table, column };
    this.#save(entry);
  }

  /** Whoever makes a copy that is known is one of its authors too. */
  #sign(entry: Entry, author: CopyAuthor): void {
    const { authors } = entry.copy;
    const last = authors.find(({ id }) => id === author.id);
    if (last?.session === author.session && author.at - last.at < againMs) return;
    entry.copy = { ...entry.copy, authors: [...authors.filter((each) => each !== last), author] };
    this.#save(entry);
  }

  #find(named: NamedCopy): Entry | null {
    const isSame = ({ copy }: Entry): boolean =>
      copy.class === named.class &&
      copy.derived === named.derived &&
      copy.relation === named.relation &&
      (named.relation === 0
        ? copy.schema === named.schema && copy.table === named.table && copy.column === named.column
        : copy.attribute === named.attribute);
    return [...this.#entries.values()].find(isSame) ?? null;
  }

  #save(entry: Entry): void {
    this.#store?.save(entry.copy);
    this.#entries.set(entry.copy.id, entry);
  }

  #remove({ copy }: Entry): void {
    this.#store?.remove(copy.id);
    this.#entries.delete(copy.id);
    this.#version++;
  }
}
