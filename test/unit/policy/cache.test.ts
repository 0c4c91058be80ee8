import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Effect } from '../../../src/analysis/effects.js';
import { RecentMap } from '../../../src/policy/cache.js';
import type { DecisionQuery, Principal, TargetRef } from '../../../src/policy/types.js';
import { ask, compile, demo, effect, person } from './fixtures.js';

const everyFact = `
  permit (principal in Group::"a", action, resource in Label::"env=demo");
  permit (principal, action in Action::"read", resource) when { principal.mfa };
  permit (principal, action == Action::"insert", resource) when { context.reason == "x" };
  forbid (principal, action == Action::"update", resource) when { context.session.rowsRead > 5 };
  forbid (principal, action == Action::"select", resource) when { context.hour > 20 || context.weekday == 1 };
  forbid (principal, action, resource) unless { context.filtered };
  forbid (principal in Group::"c", action, resource in Class::"email");
  @approval("dba") forbid (principal in Group::"b", action in Action::"write", resource) unless { context.approvals.contains("dba") };
  @approval("security") forbid (principal, action == Action::"delete", resource is Table) when { resource.name like "o*" } unless { context.approvals.contains("security") };
`;

describe('the decision cache', () => {
  it('answers the same as an evaluation, whatever was asked before', () => {
    let now = 0;
    const policies = compile(everyFact, { now: () => now, cacheEntries: 50 });
    const effects: Effect[][] = [
      [effect('select', 'public.orders')],
      [effect('update', 'public.orders'), effect('select', 'public.orders')],
      [effect('delete', 'public.orders'), effect('delete', 'public.users', { filtered: false })],
      [effect('delete', 'public.orders'), effect('insert', 'public.users')],
      [effect('reveal', 'public.users.email', { class: 'email' })],
      [effect('reveal', 'public.users.email', { class: 'card' })],
      [],
    ];
    const principals: Principal[] = [['a'], ['b'], ['a', 'b'], ['a', 'c'], []].flatMap((groups) => [
      person('ann', ...groups),
      { ...person('ann', ...groups), mfa: true },
    ]);
    const targets: TargetRef[] = [demo, { ...demo, labels: { env: 'prod' } }, { ...demo, labels: {} }];
    const question = fc.record({
      principal: fc.constantFrom(...principals),
      // Both the same object again and an equal one: each cache has its own key.
      copy: fc.boolean(),
      effects: fc.constantFrom(...effects),
      target: fc.constantFrom(...targets),
      approvals: fc.subarray(['dba', 'security']),
      rowsRead: fc.constantFrom(0, 10),
      reason: fc.constantFrom(null, 'x', ''),
      now: fc.constantFrom(0, 21 * 3_600_000, 4 * 86_400_000),
    });
    fc.assert(
      fc.property(fc.array(question, { minLength: 1, maxLength: 40 }), (questions) => {
        for (const { copy, rowsRead, now: at, ...rest } of questions) {
          now = at;
          const session = { rowsRead, bytesRead: 0, statements: 0, seconds: 0 };
          const asked: DecisionQuery = { ...rest, session };
          const query = copy ? structuredClone(asked) : asked;
          expect(policies.decide(query)).toEqual(policies.judge(query).decision);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('answers a repeated question with the very same object', () => {
    const policies = compile('permit (principal, action, resource);');
    const query = ask(person('ann', 'a'), [effect('select', 'public.orders')]);
    const first = policies.decide(query);
    expect(policies.decide({ ...query, approvals: [], session: { ...query.session, rowsRead: 9 } })).toBe(first);
  });

  it.each([
    ['session', 'context.session.rowsRead > 5', { session: { rowsRead: 6, bytesRead: 0, statements: 0, seconds: 0 } }],
    [
      'session, through has',
      '(if context has session.rowsRead then context.session.rowsRead else 0) > 5',
      { session: { rowsRead: 6, bytesRead: 0, statements: 0, seconds: 0 } },
    ],
    [
      'session, as a record',
      'context.session == {rowsRead: 6, bytesRead: 0, statements: 0, seconds: 0}',
      { session: { rowsRead: 6, bytesRead: 0, statements: 0, seconds: 0 } },
    ],
    [
      'session, quoted',
      'context["session"]["seconds"] > 5',
      { session: { rowsRead: 0, bytesRead: 0, statements: 0, seconds: 6 } },
    ],
    ['reason', 'context.reason like "*x*"', { reason: 'axb' }],
    ['hasReason', 'context.hasReason', { reason: '' }],
  ])('never remembers past a change of %s', (_, condition, change) => {
    const policies = compile(
      `permit (principal, action, resource); forbid (principal, action, resource) when { ${condition} };`,
    );
    const query = ask(person('ann'), [effect('select', 'public.orders')]);
    expect(policies.decide(query).verdict).toBe('allow');
    expect(policies.decide({ ...query, ...change }).verdict).toBe('deny');
    expect(policies.decide(query).verdict).toBe('allow');
  });

  it('follows the clock from hour to hour', () => {
    let now = Date.parse('2026-11-23T17:59:00Z');
    const policies = compile('permit (principal, action, resource) when { context.hour < 18 };', { now: () => now });
    const query = ask(person('ann'), [effect('select', 'public.orders')]);
    expect(policies.decide(query).verdict).toBe('allow');
    now += 60_000;
    expect(policies.decide(query).verdict).toBe('deny');
  });

  it('does not confuse two policy sets alive at once', () => {
    const query = ask(person('ann'), [effect('select', 'public.orders')]);
    const open = compile('permit (principal, action, resource);');
    const closed = compile('forbid (principal, action, resource);');
    expect(open.decide(query).verdict).toBe('allow');
    expect(closed.decide(query).verdict).toBe('deny');
    expect(open.decide({ ...query, effects: [...query.effects] }).verdict).toBe('allow');
    expect(open.version).not.toBe(closed.version);
  });

  it('forgets what was not asked for longest', () => {
    const map = new RecentMap<number>(2);
    map.set('a', 1);
    map.set('b', 2);
    map.get('a');
    map.set('c', 3);
    expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([1, undefined, 3]);
  });
});
