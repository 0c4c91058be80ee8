import { describe, expect, it } from 'vitest';
import type { CatalogHandle, SessionChange, StatementAnalysis } from '../../../../src/analysis/postgres-types.js';
import type { JudgedQuery } from '../../../../src/protocols/postgres/judged-query.js';
import { SqlNames } from '../../../../src/protocols/postgres/sql-names.js';

const statement = { text: 'declare c cursor for select 1' } as StatementAnalysis;
const query = { catalog: {} as CatalogHandle, secrets: null } as JudgedQuery;
const declare = (name: string, hold = false): SessionChange => ({ type: 'declareCursor', name, hold, body: statement });
const savepoint = (name: string, action: 'set' | 'release' | 'rollback'): SessionChange => ({
  type: 'savepoint',
  name,
  action,
});

function after(...changes: readonly SessionChange[]): SqlNames {
  const names = new SqlNames();
  for (const change of changes) names.apply(change, query, statement);
  return names;
}
const known = (names: SqlNames): readonly string[] =>
  ['a', 'b', 'c'].filter((name) => names.cursor(name) !== undefined);

describe('names of cursors', () => {
  it('end with ROLLBACK TO when they came after the savepoint', () => {
    const names = after(declare('a'), savepoint('s', 'set'), declare('b'), savepoint('t', 'set'), declare('c'));
    names.apply(savepoint('s', 'rollback'), query, statement);
    expect(known(names)).toEqual(['a']);
  });

  it('end with ROLLBACK TO when they were opened anew since', () => {
    const names = after(declare('a'), savepoint('s', 'set'), { type: 'closeCursor', name: 'a' }, declare('a'));
    names.apply(savepoint('s', 'rollback'), query, statement);
    expect(known(names)).toEqual([]);
  });

  it('stay when the savepoint is released', () => {
    const names = after(savepoint('s', 'set'), declare('a'), savepoint('s', 'release'));
    expect(known(names)).toEqual(['a']);
    names.apply(savepoint('s', 'rollback'), query, statement);
    expect(known(names)).toEqual([]);
  });

  it('end with their transaction unless they are held', () => {
    expect(known(after(declare('a'), declare('b', true), { type: 'commit' }))).toEqual(['b']);
  });

  it('end with a transaction that is undone, held or not, unless an earlier one kept them', () => {
    const names = after(declare('a', true), { type: 'commit' }, declare('b', true), { type: 'rollback' });
    expect(known(names)).toEqual(['a']);
    names.apply(declare('c', true), query, statement);
    names.apply({ type: 'commit' }, query, statement, 'ROLLBACK');
    expect(known(names)).toEqual(['a']);
  });

  it('are followed on a copy without moving the original', () => {
    const names = after(savepoint('s', 'set'), declare('a'));
    const copy = names.copy();
    copy.apply(savepoint('s', 'rollback'), query, statement);
    expect([known(names), known(copy)]).toEqual([['a'], []]);
  });
});
