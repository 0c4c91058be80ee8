import { describe, expect, it } from 'vitest';
import { plainFacts } from '../../../src/analysis/effects.js';
import { ask, compile, demo, effect, gatewayEffect, machine, person } from './fixtures.js';

const ann = person('ann', 'a');
const remove = effect('delete', 'public.orders');

describe('a decision', () => {
  it('is a deny that names the effect when no policy permits it', () => {
    const policies = compile('permit (principal in Group::"b", action, resource);');
    expect(policies.decide(ask(ann, [effect('drop', 'public.orders')]))).toEqual({
      verdict: 'deny',
      policies: [],
      message: 'No policy permits drop on table demo-db/shop/public/orders.',
      refused: [effect('drop', 'public.orders')],
    });
  });

  it('allows when every effect is permitted and names the permits', () => {
    const policies = compile(
      '@id("reads") permit (principal, action in Action::"read", resource); @id("writes") permit (principal, action in Action::"write", resource);',
    );
    const decision = policies.decide(ask(ann, [effect('select', 'public.orders'), effect('insert', 'public.orders')]));
    expect(decision).toEqual({ verdict: 'allow', policies: ['reads', 'writes'] });
  });

  it('denies the whole operation for one effect that nobody permits', () => {
    const policies = compile('permit (principal, action in Action::"read", resource);');
    const decision = policies.decide(ask(ann, [effect('select', 'public.orders'), remove]));
    expect(decision).toMatchObject({ verdict: 'deny', refused: [remove] });
  });

  it('lets a forbid win over a permit, with its message', () => {
    const policies = compile(
      'permit (principal, action, resource); @id("no") @message("Not here.") forbid (principal, action, resource in Schema::"demo-db/shop/public");',
    );
    expect(policies.decide(ask(ann, [remove]))).toMatchObject({
      verdict: 'deny',
      policies: ['no'],
      message: 'Not here.',
    });
    expect(policies.decide(ask(ann, [effect('delete', 'other.orders')])).verdict).toBe('allow');
  });

  it('says which policy forbids when it has no message', () => {
    const policies = compile(
      'permit (principal, action, resource); forbid (principal, action == Action::"delete", resource);',
    );
    expect(policies.decide(ask(ann, [remove]))).toMatchObject({
      policies: ['test#2'],
      message: 'Policy "test#2" forbids delete on table demo-db/shop/public/orders.',
    });
  });

  it.each([
    ['target', 'Target::"demo-db"'],
    ['label', 'Label::"team=shop"'],
    ['database', 'Database::"demo-db/shop"'],
    ['schema', 'Schema::"demo-db/shop/public"'],
    ['table', 'Table::"demo-db/shop/public/users"'],
    ['column', 'Column::"demo-db/shop/public/users/email"'],
    ['class', 'Class::"email"'],
  ])('reaches a column by its %s', (_, entity) => {
    const policies = compile(`permit (principal, action, resource in ${entity});`);
    const reveal = effect('reveal', 'public.users.email', { class: 'email' });
    expect(policies.decide(ask(ann, [reveal])).verdict).toBe('allow');
    expect(policies.decide(ask(ann, [reveal], { target: { ...demo, labels: {} } })).verdict).toBe(
      entity.startsWith('Label') ? 'deny' : 'allow',
    );
  });

  it('keeps names with slashes and percent signs apart from paths', () => {
    const policies = compile('permit (principal, action, resource in Table::"demo-db/shop/public/a%2Fb%25");');
    const table = (name: string) => ({
      action: 'select' as const,
      resource: { type: 'Table' as const, path: ['demo-db', 'shop', 'public', name] },
      facts: plainFacts,
    });
    expect(policies.decide(ask(ann, [table('a/b%')])).verdict).toBe('allow');
    expect(policies.decide(ask(ann, [table('a%2Fb%25')])).verdict).toBe('deny');
  });

  it('sees facts, principal attributes and the names of resources', () => {
    const policies = compile(
      'permit (principal, action, resource) when { principal.kind == "machine" && context.source == "builtin" && resource.name == "now" && resource.schema == "pg_catalog" };',
    );
    const call = effect('callFunction', 'pg_catalog.now', { source: 'builtin' }, 'Function');
    expect(policies.decide(ask(machine('bot'), [call])).verdict).toBe('allow');
    expect(policies.decide(ask(ann, [call])).verdict).toBe('deny');
    expect(
      policies.decide(ask(machine('bot'), [effect('callFunction', 'public.now', { source: 'builtin' }, 'Function')]))
        .verdict,
    ).toBe('deny');
  });

  it('judges gateway actions on the gateway alone', () => {
    const policies = compile(
      'permit (principal in Group::"a", action in [Action::"gateway", Action::"read"], resource);',
    );
    const onGateway = { target: null };
    expect(policies.decide(ask(ann, [gatewayEffect('apply')], onGateway)).verdict).toBe('allow');
    expect(policies.decide(ask(person('bob'), [gatewayEffect('apply')], onGateway)).verdict).toBe('deny');
    expect(policies.decide(ask(ann, [gatewayEffect('select')], onGateway)).verdict).toBe('deny');
    expect(policies.decide(ask(ann, [effect('apply')])).verdict).toBe('deny');
  });

  it('refuses to judge a resource of another target, or of none', () => {
    const policies = compile('permit (principal, action, resource);');
    expect(policies.decide(ask(ann, [remove], { target: { ...demo, name: 'other' } }))).toMatchObject({
      verdict: 'deny',
    });
    expect(policies.decide(ask(ann, [remove], { target: null }))).toMatchObject({ verdict: 'deny', policies: [] });
  });

  it('denies on any evaluation error, also beside a permit', () => {
    const policies = compile(
      '@id("ok") permit (principal, action, resource); @id("overflow") forbid (principal, action, resource) when { context.session.rowsRead * 9223372036854775807 > 5 };',
    );
    const session = { rowsRead: 2, bytesRead: 0, statements: 0, seconds: 0 };
    expect(policies.decide(ask(ann, [remove], { session }))).toMatchObject({
      verdict: 'deny',
      policies: [],
      refused: [remove],
    });
    expect(policies.decide(ask(ann, [remove])).verdict).toBe('allow');
  });

  it('denies, and never throws, when asked with broken facts', () => {
    const policies = compile('permit (principal, action, resource);');
    const session = { rowsRead: Number.NaN, bytesRead: 0, statements: 0, seconds: 0 };
    expect(policies.decide(ask(ann, [remove], { session })).verdict).toBe('deny');
    const noFacts: unknown = { action: 'select', resource: { type: 'Target', path: ['demo-db'] } };
    expect(policies.decide(ask(ann, [noFacts as typeof remove])).verdict).toBe('deny');
    expect(policies.reveals(ask(ann, []), [noFacts as typeof remove])).toEqual([false]);
  });

  it('tells the hour and the weekday in UTC', () => {
    const at = (iso: string) =>
      compile('permit (principal, action, resource) when { context.hour == 23 && context.weekday == 7 };', {
        now: () => Date.parse(iso),
      });
    expect(at('2026-11-22T23:59:59Z').decide(ask(ann, [remove])).verdict).toBe('allow'); // a Sunday
    expect(at('2026-11-23T00:00:00Z').decide(ask(ann, [remove])).verdict).toBe('deny');
  });

  it('distinguishes no reason from an empty one', () => {
    const policies = compile('permit (principal, action, resource) when { context.hasReason };');
    expect(policies.decide(ask(ann, [remove], { reason: '' })).verdict).toBe('allow');
    expect(policies.decide(ask(ann, [remove])).verdict).toBe('deny');
  });
});

describe('a hold', () => {
  const permit = 'permit (principal, action, resource);';
  const hold = (id: string, action: string, group: string, more = '') =>
    `@id("${id}") @approval("${group}") ${more} forbid (principal, action == Action::"${action}", resource) unless { context.approvals.contains("${group}") };`;

  it('asks for the union of all approvals, the larger quorum of each group', () => {
    const policies = compile(
      permit +
        hold('one', 'delete', 'dba', '@message("Ask a DBA.")') +
        hold('two', 'insert', 'dba', '@quorum("2")') +
        hold('three', 'insert', 'security'),
    );
    const insert = effect('insert', 'public.orders');
    expect(policies.decide(ask(ann, [remove, effect('select', 'public.orders'), insert]))).toEqual({
      verdict: 'hold',
      policies: ['one', 'three', 'two'],
      message: 'Ask a DBA.',
      approvals: [
        { group: 'dba', count: 2, policy: 'two' },
        { group: 'security', count: 1, policy: 'three' },
      ],
      needsReason: null,
      reuseMs: 0,
      refused: [remove, insert],
    });
  });

  it('reads how many people of each group beside the group', () => {
    const policies = compile(
      `${permit} @approval("dba:2, a:1, security") forbid (principal, action, resource) unless { context.approvals.containsAll(["dba", "a", "security"]) };`,
    );
    expect(policies.decide(ask(ann, [remove]))).toMatchObject({
      approvals: [
        { group: 'dba', count: 2 },
        { group: 'a', count: 1 },
        { group: 'security', count: 1 },
      ],
    });
  });

  it('wants a reason if any policy does, and lasts only if and as long as all policies allow', () => {
    const asks = (one: string, two: string) => {
      const policies = compile(permit + hold('one', 'delete', 'dba', one) + hold('two', 'insert', 'dba', two));
      return policies.decide(ask(ann, [remove, effect('insert', 'public.orders')]));
    };
    expect(asks('', '@requires("reason")')).toMatchObject({ needsReason: 'two', reuseMs: 0 });
    expect(asks('@reuse("30m")', '@reuse("1h")')).toMatchObject({ needsReason: null, reuseMs: 1_800_000 });
    expect(asks('@reuse("30m")', '')).toMatchObject({ reuseMs: 0 });
  });

  it('wants a comment of a group’s approvers if any policy does', () => {
    const comment = '@requires("reason, approver-comment")';
    const policies = compile(
      permit +
        hold('one', 'delete', 'dba', '@quorum("2")') +
        hold('two', 'insert', 'dba', comment) +
        hold('three', 'update', 'security'),
    );
    const effects = [remove, effect('insert', 'public.orders'), effect('update', 'public.orders')];
    expect(policies.decide(ask(ann, effects))).toMatchObject({
      needsReason: 'two',
      approvals: [
        { group: 'dba', count: 2, policy: 'one', comment: 'two' },
        { group: 'security', count: 1, policy: 'three' },
      ],
    });
  });

  it('is lifted only when every group asked for has approved', () => {
    const policies = compile(permit + hold('one', 'delete', 'dba') + hold('two', 'delete', 'security'));
    expect(policies.decide(ask(ann, [remove], { approvals: ['dba', 'security'] })).verdict).toBe('allow');
    expect(policies.decide(ask(ann, [remove], { approvals: ['dba'] }))).toMatchObject({
      verdict: 'hold',
      approvals: [{ group: 'security', count: 1, policy: 'two' }],
    });
  });

  it('takes several groups and quorums in one policy', () => {
    const policies = compile(
      `${permit} @approval("dba, security") @quorum("2, 1") forbid (principal, action, resource) unless { context.approvals.containsAll(["dba", "security"]) };`,
    );
    expect(policies.decide(ask(ann, [remove]))).toMatchObject({
      verdict: 'hold',
      approvals: [
        { group: 'dba', count: 2 },
        { group: 'security', count: 1 },
      ],
    });
  });

  it('is a deny when another forbid without @approval also applies, and names that one', () => {
    const policies = compile(
      `${permit}${hold('held', 'delete', 'dba')} @id("never") @message("Never.") forbid (principal, action, resource) unless { context.filtered };`,
    );
    const unfiltered = effect('delete', 'public.orders', { filtered: false });
    expect(policies.decide(ask(ann, [unfiltered]))).toMatchObject({
      verdict: 'deny',
      policies: ['never'],
      message: 'Never.',
    });
    expect(policies.decide(ask(ann, [remove])).verdict).toBe('hold');
  });

  it('is a deny when one effect is held and another refused', () => {
    const policies = compile(
      `permit (principal, action in Action::"write", resource);${hold('held', 'delete', 'dba')}`,
    );
    const drop = effect('drop', 'public.orders');
    expect(policies.decide(ask(ann, [remove, drop]))).toMatchObject({ verdict: 'deny', policies: [], refused: [drop] });
  });

  it('never asks people in vain: without a permit behind it, it is a deny at once', () => {
    const policies = compile(`permit (principal in Group::"b", action, resource);${hold('held', 'delete', 'dba')}`);
    expect(policies.decide(ask(ann, [remove]))).toMatchObject({
      verdict: 'deny',
      message: 'No policy permits delete on table demo-db/shop/public/orders.',
    });
    expect(policies.decide(ask(person('bea', 'b'), [remove])).verdict).toBe('hold');
  });

  it('asks at once for the approval that the first would bring to light', () => {
    const policies = compile(
      `${permit}${hold('first', 'delete', 'dba')} @id("second") @approval("security") forbid (principal, action, resource) when { context.approvals.contains("dba") } unless { context.approvals.contains("security") };`,
    );
    expect(policies.decide(ask(ann, [remove]))).toMatchObject({
      verdict: 'hold',
      policies: ['first', 'second'],
      approvals: [{ group: 'dba' }, { group: 'security' }],
    });
  });

  it('is a deny when the approval would not lift it', () => {
    const policies = compile(
      `${permit} @approval("dba") forbid (principal, action, resource) unless { context.approvals.contains("dba") && context.hasReason };`,
    );
    expect(policies.decide(ask(ann, [remove])).verdict).toBe('deny');
    expect(policies.decide(ask(ann, [remove], { reason: 'INC-42' })).verdict).toBe('hold');
  });

  it('ignores an approval by a group nobody asked', () => {
    const policies = compile(permit + hold('one', 'delete', 'dba'));
    expect(policies.decide(ask(ann, [remove], { approvals: ['security', 'a'] })).verdict).toBe('hold');
  });
});

describe('reveals', () => {
  it('answers each column in order, and a held reveal is no reveal', () => {
    const policies = compile(
      'permit (principal, action == Action::"reveal", resource); forbid (principal, action == Action::"reveal", resource in Class::"card"); @approval("dba") forbid (principal, action == Action::"reveal", resource in Table::"demo-db/shop/public/staff") unless { context.approvals.contains("dba") };',
    );
    const effects = [
      effect('reveal', 'public.users.email', { class: 'email' }),
      effect('reveal', 'public.users.card', { class: 'card' }),
      effect('reveal', 'public.staff.email', { class: 'email' }),
      effect('infer', 'public.users.email', { class: 'email' }),
    ];
    expect(policies.reveals(ask(ann, []), effects)).toEqual([true, false, false, true]);
    expect(policies.reveals(ask(ann, [], { approvals: ['dba'] }), effects)).toEqual([true, false, true, true]);
  });
});
