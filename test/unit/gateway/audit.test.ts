import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createApprovals } from '../../../src/approvals/approvals.js';
import { GrantBook } from '../../../src/approvals/grants.js';
import type { RequestDraft } from '../../../src/approvals/types.js';
import { Audit } from '../../../src/gateway/audit.js';
import { tellGrant, tellStep } from '../../../src/gateway/request-trail.js';
import { openStore, type Store } from '../../../src/store/open.js';

/** What the trail cannot tell is not done. */
let dir: string;
let store: Store;
let isFull: boolean;
let audit: Audit;
let heard: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-audit-'));
  store = openStore(join(dir, 'state.db'));
  isFull = false;
  heard = [];
  const trail = {
    ...store.audit,
    append(entry: Parameters<typeof store.audit.append>[0]) {
      if (isFull) throw new Error('the disk is full');
      store.audit.append(entry);
    },
  };
  audit = new Audit(trail, Date.now, store.transactions);
  audit.onRecord(({ action, outcome }) => heard.push(`${action} ${outcome}`));
});
afterEach(async () => {
  store.close();
  await rm(dir, { recursive: true, force: true });
});

const person = (name: string, groups: readonly string[]) => ({
  ...{ id: `idp#${name}`, name, kind: 'human' as const, issuer: 'idp', mfa: true, groups },
});
const ann = person('ann', ['engineers']);
const bob = person('bob', ['dba']);
const draft: RequestDraft = {
  ...{ principal: ann, target: 'db', text: 'delete from t', parameters: [], effects: ['delete on t'], policies: ['p'] },
  ...{ approvals: [{ group: 'dba', count: 1, policy: 'p' }], message: '', reason: null, session: null },
};
const setValue = (value: string) => () => store.values.set('key', value);
const entries = () => store.audit.list({ limit: 100 }).map(({ action, outcome }) => `${action} ${outcome}`);

it('keeps an act with its entry, then has it told and takes effect', () => {
  const order: string[] = [];
  audit.onRecord(() => order.push(`heard with ${store.values.get('key')}`));
  audit.attempt('gateway', 'secret.set', 'key', {}, () => {
    setValue('new')();
    audit.whenKept(() => order.push('in force'));
    order.push('written');
  });
  expect(order).toEqual(['written', 'in force', 'heard with new']);
  expect(entries()).toEqual(['secret.set done']);
});

it('keeps nothing of an act whose entry cannot be written', () => {
  setValue('old')();
  isFull = true;
  let isInForce = false;
  const act = () =>
    audit.attempt('gateway', 'secret.set', 'key', {}, () => {
      setValue('new')();
      audit.whenKept(() => (isInForce = true));
    });
  expect(act).toThrow('the disk is full');
  expect(store.values.get('key')).toBe('old');
  expect([isInForce, heard]).toEqual([false, []]);
  isFull = false;
  act();
  expect([store.values.get('key'), isInForce]).toEqual(['new', true]);
});

it('keeps nothing of an act that failed half way, and says that it did', () => {
  const half = () => {
    setValue('half')();
    throw new Error('no');
  };
  expect(() => audit.attempt('gateway', 'secret.set', 'key', {}, half)).toThrow('no');
  expect(store.values.get('key')).toBeNull();
  expect(entries()).toEqual(['secret.set failed']);
});

it('takes no vote and opens no request of which the trail cannot tell', () => {
  const approvals = createApprovals({
    ...{ store: store.requests, now: Date.now, version: '1', expireMs: 60_000 },
    atomically: (work) => store.transactions.run(work),
    onChange: (request, step) => tellStep(audit, request, step),
  });
  const request = approvals.open(draft);
  isFull = true;
  expect(() => approvals.vote(request.id, bob, 'approve', '')).toThrow('the disk is full');
  expect(() => approvals.open({ ...draft, text: 'delete from u' })).toThrow('the disk is full');
  isFull = false;
  expect(approvals.list({}).map(({ state, votes }) => [state, votes.length])).toEqual([['pending', 0]]);
  expect(approvals.vote(request.id, bob, 'approve', '').state).toBe('approved');
  expect(entries()).toEqual(['request.approve done', 'request.create done']);
  approvals.close();
});

it('lets no access begin of which the trail cannot tell, and ends it all the same', () => {
  const grants = new GrantBook({
    ...{ store: store.grants, now: Date.now, transactions: store.transactions },
    onStep: (grant, step, by) => tellGrant(audit, grant, step, by),
  });
  const order = { principal: ann, group: 'ops', reason: 'INC-1', request: null, emergency: true, reviewers: ['dba'] };
  isFull = true;
  expect(() => grants.start(order, 60_000)).toThrow('the disk is full');
  expect(grants.groupsOf(ann)).toEqual([]);
  isFull = false;
  const { id } = grants.start(order, 60_000);
  expect(grants.groupsOf(ann)).toEqual(['ops']);
  isFull = true;
  expect(() => grants.revoke(id, bob, '')).toThrow('the disk is full');
  expect(grants.groupsOf(ann)).toEqual([]);
  grants.close();
});
