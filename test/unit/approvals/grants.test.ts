import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GrantBook } from '../../../src/approvals/grants.js';
import type { GrantDraft } from '../../../src/approvals/grant-types.js';
import type { Principal } from '../../../src/policy/types.js';
import { openStore, type Store } from '../../../src/store/open.js';

const person = (name: string, groups: readonly string[] = [], more: Partial<Principal> = {}): Principal => ({
  ...{ id: `idp#${name}`, name: `${name}@corp.example`, kind: 'human', issuer: 'idp', mfa: false },
  groups,
  ...more,
});
const ann = person('ann');
const bea = person('bea', ['security']);
const minute = 60_000;
const draft = (more: Partial<GrantDraft> = {}): GrantDraft => ({
  ...{ principal: ann, group: 'writers', reason: 'INC-1', request: 'req_1', emergency: false, reviewers: [] },
  ...more,
});

let directory: string;
let store: Store;
let now: number;
let steps: string[];
let changes: number;
let timers: { readonly wake: () => void; readonly ms: number }[];
let book: GrantBook;

function open(): GrantBook {
  const made = new GrantBook({
    store: store.grants,
    now: () => now,
    onStep: (grant, step, by) => steps.push(`${step} ${grant.group} ${by === 'gateway' ? by : by.name}`),
    setTimer: (wake, ms) => {
      const timer = { wake, ms };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
  });
  made.onChange(() => (changes += 1));
  return made;
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-grants-'));
  store = openStore(join(directory, 'state.db'));
  now = 1_000_000;
  steps = [];
  changes = 0;
  timers = [];
  book = open();
});
afterEach(() => {
  book.close();
  store.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('a grant', () => {
  it('is a membership from now to its end, for one login alone', () => {
    const before = book.revision;
    const grant = book.start(draft(), 10 * minute);
    expect(grant).toMatchObject({ startsAt: now, endsAt: now + 10 * minute, endedAt: null });
    expect(book.groupsOf(ann)).toEqual(['writers']);
    expect(book.groupsOf(bea)).toEqual([]);
    expect(book.revision).toBeGreaterThan(before);
    expect([steps, changes]).toEqual([['begin writers ann@corp.example'], 1]);
  });

  it('of a machine for a person is theirs together, and no other’s: neither the machine’s own, nor reviewed by that person', () => {
    const reviewer = person('carl', ['security']);
    const robotFor = (who?: Principal): Principal =>
      person('robot', [], {
        kind: 'machine',
        ...(who === undefined ? {} : { onBehalfOf: { id: who.id, name: who.name } }),
      });
    const emergency = { emergency: true, request: null, reviewers: ['security'] };
    const { id } = book.start(draft({ principal: robotFor(bea), ...emergency }), 10 * minute);
    expect(book.groupsOf(robotFor(bea))).toEqual(['writers']);
    for (const other of [robotFor(), robotFor(ann), bea]) expect(book.groupsOf(other)).toEqual([]);
    expect(() => book.review(id, bea, 'all was well')).toThrow('their own emergency');
    expect(book.review(id, reviewer, 'it was').review).toMatchObject({ by: reviewer.id });
  });

  it('ends to the millisecond for whoever asks, and by its own timer when nobody does', () => {
    const grant = book.start(draft(), minute);
    expect(timers.map(({ ms }) => ms)).toEqual([minute]);
    now += minute - 1;
    expect(book.groupsOf(ann)).toEqual(['writers']);
    const before = book.revision;
    now += 1;
    expect(book.groupsOf(ann)).toEqual([]);
    expect(book.revision).toBeGreaterThan(before);
    expect(book.get(grant.id)).toMatchObject({ endedAt: grant.endsAt, revoked: null });
    const second = book.start(draft({ group: 'readers' }), minute);
    now += minute;
    timers[0]?.wake();
    expect(store.grants.get(second.id)?.endedAt).toBe(second.endsAt);
    expect(steps.filter((step) => step.startsWith('end'))).toEqual(['end writers gateway', 'end readers gateway']);
    expect([changes, timers]).toEqual([4, []]);
  });

  it('is revoked at once, by name and with a word, and only once', () => {
    const { id } = book.start(draft(), minute);
    expect(book.revoke(id, bea, ' enough \u001b[31m')).toMatchObject({
      endedAt: now,
      revoked: { by: bea.id, name: bea.name, comment: 'enough [31m', at: now },
    });
    expect(book.groupsOf(ann)).toEqual([]);
    expect(() => book.revoke(id, bea, '')).toThrow(expect.objectContaining({ code: 'conflict' }));
    expect(() => book.revoke('grt_x', bea, '')).toThrow(expect.objectContaining({ code: 'not_found' }));
    expect(changes).toBe(2);
  });

  it('keeps its absolute window over a restart, and ends meanwhile', () => {
    const short = book.start(draft(), minute);
    const long = book.start(draft({ group: 'readers' }), 10 * minute);
    book.close();
    store.close();
    now += 2 * minute;
    store = openStore(join(directory, 'state.db'));
    book = open();
    expect(book.groupsOf(ann)).toEqual(['readers']);
    expect(book.get(short.id)?.endedAt).toBe(short.endsAt);
    expect(book.get(long.id)?.endsAt).toBe(long.endsAt);
  });

  it('is lost by one of two that end it at the same time', () => {
    const { id } = book.start(draft(), minute);
    const stale = store.grants.get(id);
    if (stale === null) throw new Error('no grant');
    book.revoke(id, bea, '');
    expect(store.grants.replace({ ...stale, endedAt: now }, stale)).toBe(false);
    expect(book.get(id)?.revoked?.name).toBe(bea.name);
  });
});

describe('an emergency', () => {
  const emergency = draft({ request: null, emergency: true, reviewers: ['security'] });

  it('is told as what it is, and reviewed by someone else of the group, once, with a word', () => {
    const { id } = book.start(emergency, minute);
    expect(steps).toEqual(['emergency writers ann@corp.example']);
    const alias = person('x', ['security'], { aliases: ['ANN@corp.example'] });
    const bot = person('bot', ['security'], { kind: 'machine' });
    for (const by of [ann, alias, bot]) expect(() => book.review(id, by, 'all fine')).toThrow(/own emergency access/);
    expect(() => book.review(id, person('cy', ['dba']), 'all fine')).toThrow(/membership in security/);
    expect(() => book.review(id, bea, '  ')).toThrow(expect.objectContaining({ code: 'usage' }));
    expect(book.review(id, bea, 'right').review).toEqual({ by: bea.id, name: bea.name, comment: 'right', at: now });
    expect(() => book.review(id, bea, 'again')).toThrow(/has reviewed/);
    expect(steps.at(-1)).toBe('review writers bea@corp.example');
  });

  it('can be reviewed after its end; what was approved beforehand cannot', () => {
    const { id } = book.start(emergency, minute);
    now += minute;
    expect(book.review(id, bea, 'right')).toMatchObject({ endedAt: now, review: { comment: 'right' } });
    const approved = book.start(draft(), minute);
    expect(() => book.review(approved.id, bea, 'x')).toThrow(/approved beforehand/);
  });
});
