import { describe, expect, it } from 'vitest';
import { checkPolicies, loadBundle } from '../../../src/policy/bundle.js';
import { ask, bundleFiles, compile, effect, person } from './fixtures.js';

const reads = '@id("reads") permit (principal in Group::"a", action in Action::"read", resource);\n';
const ann = person('ann', 'a');
const select = [effect('select', 'public.orders')];

describe('a policy in shadow mode', () => {
  it('decides nothing and says what it would have decided', () => {
    const policies = compile(
      `${reads}@id("no-orders") @mode("shadow") forbid (principal, action == Action::"select", resource) when { resource.name == "orders" };`,
    );
    const decision = policies.decide(ask(ann, select));
    expect(decision).toEqual({
      verdict: 'allow',
      policies: ['reads'],
      shadow: { verdict: 'deny', policies: ['no-orders'] },
    });
    expect(policies.decide(ask(ann, select))).toBe(decision);
    expect(policies.judge(ask(ann, select)).decision).toEqual(decision);
    expect(policies.decide(ask(ann, [effect('select', 'public.users')]))).toEqual({
      verdict: 'allow',
      policies: ['reads'],
    });
  });

  it('permits nothing, and says what it would have permitted', () => {
    const policies = compile(
      `${reads}@id("writes") @mode("shadow") permit (principal, action in Action::"write", resource);`,
    );
    expect(policies.decide(ask(ann, [effect('insert', 'public.orders')]))).toMatchObject({
      verdict: 'deny',
      shadow: { verdict: 'allow', policies: ['writes'] },
    });
    expect(policies.reveals(ask(ann, []), [effect('reveal', 'public.users.email', { class: 'email' })])).toEqual([
      false,
    ]);
  });

  it('reveals nothing', () => {
    const policies = compile('@id("r") @mode("shadow") permit (principal, action == Action::"reveal", resource);');
    expect(policies.reveals(ask(ann, []), [effect('reveal', 'public.users.email', { class: 'email' })])).toEqual([
      false,
    ]);
  });

  it('would hold, where it carries an approval', () => {
    const policies = compile(
      `${reads}@id("h") @mode("shadow") @approval("dba") forbid (principal, action == Action::"select", resource) unless { context.approvals.contains("dba") };`,
    );
    expect(policies.decide(ask(ann, select))).toMatchObject({
      verdict: 'allow',
      shadow: { verdict: 'hold', policies: ['h'] },
    });
  });

  it('is judged by the facts of each moment', () => {
    let now = 0;
    const policies = compile(
      `${reads}@id("late") @mode("shadow") forbid (principal, action == Action::"select", resource) when { context.hour >= 20 };`,
      { now: () => now },
    );
    expect(policies.decide(ask(ann, select)).shadow).toBeUndefined();
    now = 21 * 3_600_000;
    expect(policies.decide(ask(ann, select)).shadow).toEqual({ verdict: 'deny', policies: ['late'] });
    now = 25 * 3_600_000;
    expect(policies.decide(ask(ann, select)).shadow).toBeUndefined();
  });

  it('does not count as the permission to apply another bundle', () => {
    const result = loadBundle(
      bundleFiles('@id("x") @mode("shadow") permit (principal, action == Action::"apply", resource);'),
    );
    expect(result.problems.map(({ message }) => message)).toEqual([
      'no policy permits `apply`: with this bundle nobody can apply another',
    ]);
  });

  it('is spelt right, or refused', () => {
    const wrong = checkPolicies(
      bundleFiles('@id("x") @mode("shadw") permit (principal, action == Action::"apply", resource);'),
    );
    expect(wrong.valid).toBe(false);
    expect(wrong.problems[0]).toMatchObject({
      message: '@mode is "enforce" or "shadow", not "shadw"',
      hint: 'did you mean "shadow"?',
    });
  });
});
