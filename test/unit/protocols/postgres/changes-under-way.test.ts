import { expect, it } from 'vitest';
import type { StatementAnalysis } from '../../../../src/analysis/postgres-types.js';
import { ChangesUnderWay } from '../../../../src/protocols/postgres/changes-under-way.js';

const statement = (parts: Partial<StatementAnalysis>): StatementAnalysis => ({
  node: 'SelectStmt',
  text: '',
  effects: [],
  output: [],
  touchesProtected: false,
  changes: [],
  ...parts,
});
const view = statement({ node: 'ViewStmt', text: 'create or replace view V as select 1' });
const reading = statement({ objects: ['relation public.v (1 v) aa'] });
const [one, other] = [{}, {}];

it('touches what others read from when a change may be seen until its end has been heard of', () => {
  const changes = new ChangesUnderWay();
  const before = changes.now;
  changes.sent(one, view, { era: 1, isOpen: true });
  expect(changes.touch(reading, other, before)).toBe(false);
  changes.committing(one);
  expect(changes.touch(reading, other, before)).toBe(true);
  expect(changes.touch(reading, one, before)).toBe(false);
  expect(changes.touch(statement({ objects: ['relation public.w (2 r) aa'] }), other, before)).toBe(false);
  expect(changes.touch(reading, other, before, true)).toBe(false);
  changes.ended(one, 0);
  expect(changes.touch(reading, other, changes.now)).toBe(true);
  changes.ended(one, 1);
  expect(changes.touch(reading, other, before)).toBe(true);
  expect(changes.touch(reading, other, changes.now)).toBe(false);
});

it('forgets the oldest changes, and takes what is older for touched', () => {
  const changes = new ChangesUnderWay();
  const before = changes.now;
  for (let era = 0; era < 300; era++) {
    changes.sent(one, view, { era, isOpen: false });
    changes.ended(one, era);
  }
  expect(changes.touch(statement({ objects: ['relation public.w (2 r) aa'] }), other, before)).toBe(true);
  expect(changes.touch(reading, other, changes.now)).toBe(false);
});
