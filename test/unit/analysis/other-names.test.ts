import { expect, it } from 'vitest';
import { eitherOf, looksAlike, meansOthers } from '../../../src/analysis/other-names.js';
import type { OutputColumn, StatementAnalysis } from '../../../src/analysis/postgres-types.js';

const ssn = { schema: 'public', table: 'users', column: 'ssn', class: 'ssn' };
const column = (parts: Partial<OutputColumn> = {}): OutputColumn => ({
  name: 'a',
  sources: [],
  derived: false,
  unknown: false,
  ...parts,
});
const statement = (parts: Partial<StatementAnalysis>): StatementAnalysis => ({
  node: 'SelectStmt',
  text: '',
  effects: [],
  output: [column()],
  touchesProtected: false,
  changes: [],
  ...parts,
});

it('tells other objects under the same names from the same objects with another definition', () => {
  const one = statement({ objects: ['relation public.t (1 r) aa'] });
  expect(meansOthers(one, statement({ objects: ['relation public.t (1 r) bb'] }))).toBe(false);
  expect(meansOthers(one, statement({ objects: ['relation pg_temp.t (2 r) aa'] }))).toBe(true);
  expect(meansOthers(one, statement({ objects: ['relation public.t (absent)'] }))).toBe(true);
});

it('takes results for alike that have the same names in the same order', () => {
  expect(looksAlike(statement({}), statement({ output: [column({ sources: [ssn] })] }))).toBe(true);
  expect(looksAlike(statement({}), statement({ output: [column({ name: 'b' })] }))).toBe(false);
  expect(looksAlike(statement({}), statement({ output: [column(), column()] }))).toBe(false);
  expect(looksAlike(statement({ output: null }), statement({ output: null }))).toBe(true);
});

it('shows of two meanings what either shows, and derived where they differ', () => {
  const clear = statement({});
  const secret = statement({ output: [column({ sources: [ssn] })], touchesProtected: true });
  for (const both of [eitherOf(clear, secret), eitherOf(secret, clear)]) {
    expect(both.output).toEqual([column({ sources: [ssn], derived: true })]);
    expect(both.touchesProtected).toBe(true);
  }
  expect(eitherOf(clear, statement({ output: [column(), column()] })).output).toBe('unknown');
  expect(eitherOf(clear, statement({ output: 'unknown' })).output).toBe('unknown');
});
