import { describe, expect, it } from 'vitest';
import { CopyBook } from '../../../src/masking/copy-book.js';
import type { CopiedColumn, CopyAuthor, NamedCopy, ShownRelation } from '../../../src/masking/copied-columns.js';

const place = { target: 'db', database: 'host:5432/app' };
const named: NamedCopy = {
  schema: 'public',
  table: 'c',
  column: 's',
  relation: 0,
  attribute: 0,
  class: 'ssn',
  derived: false,
};
const ann: Omit<CopyAuthor, 'at'> = { id: 'idp#ann', name: 'ann', aliases: [], session: 'ses_1', op: 1 };
const shown = (oid: number, name = 'c', column = 's'): ShownRelation => ({
  oid,
  schema: 'public',
  name,
  columns: [{ attnum: 1, name: column }],
});

/** A book on a store in memory, and a second one as the next start of the gateway would open it. */
function open() {
  const rows = new Map<string, CopiedColumn>();
  const store = {
    list: () => [...rows.values()],
    ofIdentity: (identity: string) => [...rows.values()].filter((copy) => copy.identity === identity),
    save: (copy: CopiedColumn) => void rows.set(copy.id, copy),
    remove: (id: string) => void rows.delete(id),
  };
  let now = 0;
  const book = () => new CopyBook(place, store, () => now);
  const tables = (of: CopyBook) => of.list().map(({ table, column, relation }) => `${table}.${column} ${relation}`);
  const reads = (of: CopyBook, relations: readonly ShownRelation[], prepared = false): void =>
    of.follow(relations, of.settled(), prepared);
  return { book, tables, reads, later: (ms: number) => void (now += ms) };
}

describe('a book of copies', () => {
  it('protects from before the copy is made, and across a restart', () => {
    const { book, tables } = open();
    book().note([named], {}, ann);
    expect(tables(book())).toEqual(['c.s 0']);
  });

  it('forgets what a transaction has undone, unless another makes it too or has', () => {
    const { book } = open();
    const first = book();
    const [one, two] = [{}, {}];
    first.note([named], one, ann);
    first.note([named], two, ann);
    first.settle(one, 'undone');
    expect(first.list()).toHaveLength(1);
    first.settle(two, 'kept');
    const three = {};
    first.note([named], three, ann);
    first.settle(three, 'undone');
    expect(first.list()).toHaveLength(1);
    first.note([{ ...named, table: 'd' }], three, ann);
    first.settle(three, 'undone');
    expect(book().list()).toHaveLength(1);
  });

  it('finds a table by its OID once it was seen, whatever it is called then', () => {
    const { book, tables, reads } = open();
    const of = book();
    const maker = {};
    of.note([named], maker, ann);
    of.settle(maker, 'kept');
    reads(of, [shown(70)]);
    reads(of, [shown(70, 'renamed', 'column'), shown(71)]);
    expect(tables(of)).toEqual(['renamed.column 70']);
    reads(of, [shown(71)]);
    expect(tables(book())).toEqual([]);
  });

  it('does not take the table that a transaction under way replaces for the one it makes', () => {
    const { book, tables, reads } = open();
    const of = book();
    const maker = {};
    of.note([named], maker, ann);
    reads(of, [shown(70)]); // others still see the old one
    expect(tables(of)).toEqual(['c.s 0']);
    of.settle(maker, 'kept');
    reads(of, [shown(71)]);
    expect(tables(of)).toEqual(['c.s 71']);
  });

  it('forgets nothing by a reading that began before the transaction ended', () => {
    const { book, tables } = open();
    const of = book();
    const maker = {};
    of.note([named], maker, ann);
    const settled = of.settled();
    of.settle(maker, 'kept');
    of.follow([], settled, false);
    expect(tables(of)).toEqual(['c.s 0']);
  });

  it('keeps what a lost session may have left, for an hour, and while a prepared transaction waits', () => {
    const { book, tables, reads, later } = open();
    const maker = {};
    const lost = book();
    lost.note([named], maker, ann);
    lost.settle(maker, 'unknown');
    const of = book();
    reads(of, []);
    expect(tables(of)).toEqual(['c.s 0']);
    later(2 * 3_600_000);
    reads(of, [], true);
    expect(tables(of)).toEqual(['c.s 0']);
    reads(of, []);
    expect(tables(of)).toEqual([]);
  });

  it('learns OIDs for the session alone whose transaction it is', () => {
    const { book, tables } = open();
    const of = book();
    const [one, two] = [{}, {}];
    of.note([named], one, ann);
    of.note([{ ...named, table: 'd' }], two, ann);
    of.bind([shown(70), shown(80, 'd')], new Set([one]));
    expect(tables(of)).toEqual(['c.s 70', 'd.s 0']);
  });

  it('names everybody who has made it, with their last statement, across a restart', () => {
    const { book, later } = open();
    const of = book();
    of.note([named], {}, ann);
    of.note([named], {}, { ...ann, op: 2 }); // within the same second
    of.note([named], {}, { ...ann, id: 'idp#ben', name: 'ben', session: 'ses_2' });
    const authors = () =>
      book()
        .list()[0]
        ?.authors.map(({ name, session, op, at }) => [name, session, op, at]);
    expect(authors()).toEqual([
      ['ann', 'ses_1', 1, 0],
      ['ben', 'ses_2', 1, 0],
    ]);
    later(2_000);
    of.note([named], {}, { ...ann, op: 3 });
    expect(authors()).toEqual([
      ['ben', 'ses_2', 1, 0],
      ['ann', 'ses_1', 3, 2_000],
    ]);
  });

  it('ends one that no transaction writes, for good; made again, it is a new one', () => {
    const { book } = open();
    const of = book();
    const maker = {};
    of.note([named], maker, ann);
    const [copy] = of.list();
    const id = copy?.id ?? '';
    expect([of.isUnderWay(id), of.isUnderWay('cpy_0000000000000000')]).toEqual([true, null]);
    of.settle(maker, 'kept');
    expect(of.isUnderWay(id)).toBe(false);
    const before = of.version;
    of.end(id);
    expect(of.version).toBeGreaterThan(before);
    expect(book().list()).toEqual([]);
    of.note([named], {}, ann);
    expect(book().list()[0]?.id).not.toBe(id);
  });
});
