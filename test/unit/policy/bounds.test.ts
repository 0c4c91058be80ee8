import { describe, expect, it } from 'vitest';
import { nextStop } from '../../../src/policy/bounds.js';
import { ask, compile, effect, person } from './fixtures.js';

const boundsOf = (when: string) =>
  compile(
    `permit (principal, action, resource); forbid (principal, action in Action::"read", resource) when { ${when} };`,
  ).readBounds;

describe('where an answer may change while a result is read', () => {
  it('is nowhere, when no policy speaks of what was read', () => {
    expect(boundsOf('context.session.statements > 5 || context.hour > 3')).toBeNull();
  });

  it.each([
    'context.session.rowsRead > 1000',
    '1000 < context.session.rowsRead',
    'context.hasReason && !(context.session.rowsRead <= 1000)',
  ])('is at the values that policies name: %s', (when) => {
    const bounds = boundsOf(when);
    expect(bounds?.session.rowsRead).toEqual({ values: [1000, 1001], every: Infinity });
    expect(bounds?.session.bytesRead).toEqual({ values: [], every: Infinity });
    expect(bounds?.identity.rowsRead.values).toEqual([]);
  });

  it('is at every step, where a policy counts in another way', () => {
    expect(boundsOf('context.session.rowsRead * 2 > context.identity.bytesRead')).toMatchObject({
      session: { rowsRead: { every: 1000 }, bytesRead: { every: Infinity } },
      identity: { rowsRead: { every: Infinity }, bytesRead: { every: 1024 * 1024 } },
    });
  });

  it('comes after the count, always', () => {
    const stops = { values: [10, 11, 50], every: Infinity };
    expect([0, 9, 10, 11, 49, 50].map((count) => nextStop(stops, count))).toEqual([10, 10, 11, 50, 50, Infinity]);
    expect(nextStop({ values: [2500], every: 1000 }, 2000)).toBe(2500);
    expect(nextStop({ values: [], every: 1000 }, 999)).toBe(1000);
  });
});

describe('budgets as facts', () => {
  const ann = person('ann', 'a');
  const select = [effect('select', 'public.orders')];

  it('are asked for at each decision, by the policies that name them alone', () => {
    const policies = compile(`permit (principal, action, resource);
      forbid (principal, action == Action::"select", resource) when { context.identity.rowsRead > 10 };`);
    const identity = (rowsRead: number) => ({ identity: { rowsRead, bytesRead: 0, statements: 0, seconds: 0 } });
    expect(policies.decide(ask(ann, select, identity(10))).verdict).toBe('allow');
    expect(policies.decide(ask(ann, select, identity(11))).verdict).toBe('deny');
    expect(policies.decide(ask(ann, select, identity(10))).verdict).toBe('allow');
    const insert = [effect('insert', 'public.orders')];
    const first = policies.decide(ask(ann, insert, identity(10)));
    expect(policies.decide(ask(ann, insert, identity(11)))).toBe(first);
  });

  it('have signals beside them, which decide only as long as they stand', () => {
    const policies = compile(`permit (principal, action, resource);
      forbid (principal, action == Action::"select", resource) when { context.signals.contains("repeated-refusal") };`);
    const verdict = (...signals: string[]) => policies.decide(ask(ann, select, { signals })).verdict;
    expect([verdict(), verdict('quiet-session'), verdict('quiet-session', 'repeated-refusal'), verdict()]).toEqual([
      'allow',
      'allow',
      'deny',
      'allow',
    ]);
  });
});
