import { describe, expect, it } from 'vitest';
import { checkPolicies } from '../../../src/policy/bundle.js';
import { bundleFiles } from './fixtures.js';

const admin = '@id("admin") permit (principal in Group::"a", action == Action::"apply", resource);\n';
const bindings = { 'bindings.yaml': 'groups: { a: { users: [ann] }, b: { users: [bo] }, dba: , security: }\n' };

/** What `policy check` says of these policies, beside one that may apply bundles. */
function warnings(cedar: string): readonly string[] {
  const { valid, problems } = checkPolicies(bundleFiles(admin + cedar, bindings));
  expect(valid).toBe(true);
  return problems.map(({ line, column, severity, message }) => `${severity} ${line}:${column} ${message}`);
}

describe('policy check', () => {
  it('says nothing of ordinary rules', () => {
    expect(
      warnings(`@id("r") permit (principal in Group::"a", action in Action::"read", resource);
@id("w") permit (principal in Group::"a", action in Action::"write", resource) when { context.hour >= 8 };
@id("f") forbid (principal, action == Action::"update", resource) unless { context.filtered };`),
    ).toEqual([]);
  });

  it('asks for an id', () => {
    expect(warnings('permit (principal in Group::"a", action in Action::"read", resource);')).toEqual([
      'warning 2:1 no @id: it is called "test#2" in records and tests, until another policy is written above it',
    ]);
  });

  it.each([
    ['when { true }', 'always true'],
    ['unless { false }', 'always true'],
    ['when { 1 < 2 || context.filtered }', 'always true'],
    ['when { context.hour >= 0 && context.hour <= 23 }', 'always true'],
    ['when { context.reason == context.reason }', 'always true'],
    ['when { context.weekday > 7 }', 'never true'],
    ['when { context.hour < 24 } unless { context.weekday >= 1 }', 'never true'],
    ['unless { !(if true then true else context.filtered) || 2 == 3 }', 'always true'],
  ])('sees that conditions do not depend on anything: %s', (conditions, what) => {
    const [first] = warnings(
      `@id("x") permit (principal in Group::"a", action in Action::"read", resource) ${conditions};`,
    );
    expect(first).toContain(`the conditions of this permit are ${what}`);
  });

  it.each([
    'when { context.hour >= 8 && context.hour < 18 }',
    'when { context.filtered || context.hasReason }',
    'when { context.session.rowsRead < 100 }',
    'unless { context.weekday > 5 }',
  ])('leaves conditions alone that depend on the moment: %s', (conditions) => {
    expect(
      warnings(`@id("x") permit (principal in Group::"a", action in Action::"read", resource) ${conditions};`),
    ).toEqual([]);
  });

  it('warns of a rule for everyone and everything', () => {
    expect(warnings('@id("x") permit (principal, action, resource);')).toEqual([
      'warning 2:1 this permits everyone everything that no other policy forbids',
    ]);
    const shadowed = warnings('@id("x") forbid (principal, action, resource);');
    expect(shadowed).toContain('warning 2:1 this forbids everyone everything, applying another bundle included');
    expect(shadowed).toContain('warning 1:1 this permit never permits anything: "x" always forbids all of it');
  });

  it('finds a permit that a forbid leaves nothing of, by group of actions and by the tree', () => {
    const forbid = '@id("no-define") forbid (principal, action in Action::"define", resource in Label::"env=demo");\n';
    expect(
      warnings(
        `${forbid}@id("d") permit (principal in Group::"a", action == Action::"drop", resource in Label::"env=demo");`,
      ),
    ).toEqual(['warning 3:1 this permit never permits anything: "no-define" always forbids all of it']);
    expect(warnings(`${forbid}@id("d") permit (principal in Group::"a", action == Action::"drop", resource);`)).toEqual(
      [],
    );
    expect(
      warnings(
        `${forbid}@id("d") permit (principal in Group::"a", action in Action::"write", resource in Label::"env=demo");`,
      ),
    ).toEqual([]);
  });

  it('finds a hold that is never asked for', () => {
    expect(
      warnings(`@id("never") forbid (principal, action == Action::"drop", resource);
@id("hold") @approval("b") forbid (principal, action == Action::"drop", resource in Target::"demo-db") unless { context.approvals.contains("b") };`),
    ).toEqual(['warning 3:1 this forbid never decides: "never" always forbids all of it']);
  });

  it('does not take a hold for a hard refusal', () => {
    expect(
      warnings(`@id("hold") @approval("b") forbid (principal, action == Action::"drop", resource) unless { context.approvals.contains("b") };
@id("d") permit (principal in Group::"a", action == Action::"drop", resource);`),
    ).toEqual([]);
  });

  it('finds a rule that stands there twice', () => {
    const rule = 'permit (principal in Group::"a", action in Action::"read", resource);';
    expect(warnings(`@id("one") ${rule}\n@id("two") ${rule}`)).toEqual(['warning 3:1 says the same as "one"']);
  });

  it('warns of an approval by a group that nobody is in', () => {
    expect(
      warnings(
        '@id("h") @approval("dba") forbid (principal, action == Action::"drop", resource) unless { context.approvals.contains("dba") };',
      ),
    ).toEqual(['warning 2:10 nobody is in group "dba": what this holds can never be approved']);
  });
});
