import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { Bindings } from './bindings.js';
import type { Bundle } from './bundle.js';
import { constantConditions } from './constant.js';
import { actionsOf } from './mentions.js';
import type { Policy } from './policies.js';
import { annotationAt } from './policy-text.js';
import { placeAt, type ProblemList } from './problems.js';

/** Rules that are valid and yet hardly what their author meant: all of these are warnings. */
export function lintPolicies(
  { policies, files, bindings }: Pick<Bundle, 'policies' | 'files' | 'bindings'>,
  problems: ProblemList,
): void {
  const shapes = policies.map(shapeOf);
  for (const shape of shapes) {
    const { policy } = shape;
    const text = files.get(policy.source.file) ?? '';
    const warn = (at: number, message: string, hint: string | null = null): void =>
      problems.add('warning', policy.source.file, placeAt(text, at), message, hint);
    if (!('id' in (policy.json.annotations ?? {})))
      warn(
        policy.source.offset,
        `no @id: it is called "${policy.id}" in records and tests, until another policy is written above it`,
        'begin it with @id("…")',
      );
    checkConditions(shape, warn);
    const cover = shapes.find((other) => other !== shape && makesUseless(other, shape));
    if (cover !== undefined) {
      const what = policy.effect === 'permit' ? 'this permit never permits anything' : 'this forbid never decides';
      warn(policy.source.offset, `${what}: "${cover.policy.id}" always forbids all of it`);
    }
    const twin = shapes.slice(0, shapes.indexOf(shape)).find((other) => sayTheSame(other.policy, policy));
    if (twin !== undefined) warn(policy.source.offset, `says the same as "${twin.policy.id}"`);
    for (const { group } of policy.approvals)
      if (isEmptyGroup(group, bindings))
        warn(
          annotationAt(policy.source, 'approval'),
          `nobody is in group "${group}": what this holds can never be approved`,
          'give the group claims, users or machines in bindings.yaml',
        );
  }
}

/** A policy with what its conditions come to. */
interface Shape {
  readonly policy: Policy;
  readonly actions: ReadonlySet<string>;
  /** True when the conditions hold whatever is asked, or there are none. */
  readonly always: boolean | null;
}

function shapeOf(policy: Policy): Shape {
  return {
    policy,
    actions: new Set(actionsOf(policy.json.action)),
    always: constantConditions(policy.json.conditions),
  };
}

function checkConditions({ policy, always }: Shape, warn: (at: number, message: string, hint?: string) => void): void {
  const { json, effect, source } = policy;
  if (always === true && json.conditions.length > 0)
    warn(source.offset, `the conditions of this ${effect} are always true`, 'leave them out, or say what was meant');
  if (always === false) warn(source.offset, `the conditions of this ${effect} are never true: it does nothing`);
  const everything = json.principal.op === 'All' && json.action.op === 'All' && json.resource.op === 'All';
  if (!everything || always !== true) return;
  if (effect === 'permit') warn(source.offset, 'this permits everyone everything that no other policy forbids');
  else warn(source.offset, 'this forbids everyone everything, applying another bundle included');
}

/** `cover` refuses, without any condition, everything that `shape` speaks of: what that says then changes nothing. */
function makesUseless(cover: Shape, shape: Shape): boolean {
  if (cover.policy.mode !== 'enforce' || shape.policy.mode !== 'enforce') return false;
  if (cover.policy.effect !== 'forbid' || cover.policy.approvals.length > 0 || cover.always !== true) return false;
  // Of two hard forbids the second still says its own message; only a hold that is never asked for is lost.
  if (shape.policy.effect === 'forbid' && shape.policy.approvals.length === 0) return false;
  const [wide, narrow] = [cover.policy.json, shape.policy.json];
  return (
    [...shape.actions].every((action) => cover.actions.has(action)) &&
    covers(wide.principal, narrow.principal) &&
    covers(wide.resource, narrow.resource)
  );
}

/** Everything the narrow constraint lets in, the wide one does too, as far as the text alone tells. */
function covers(
  wide: PolicyJson['principal'] | PolicyJson['resource'],
  narrow: PolicyJson['principal'] | PolicyJson['resource'],
): boolean {
  if (wide.op === 'All') return true;
  if (JSON.stringify(wide) === JSON.stringify(narrow)) return true;
  // `in X` lets in X itself.
  return wide.op === 'in' && narrow.op === '==' && JSON.stringify(entityOf(wide)) === JSON.stringify(entityOf(narrow));
}

function entityOf(constraint: object): unknown {
  return 'entity' in constraint ? constraint.entity : constraint;
}

function sayTheSame(a: Policy, b: Policy): boolean {
  return (
    a.mode === b.mode &&
    a.effect === b.effect &&
    a.approvals.length === 0 &&
    b.approvals.length === 0 &&
    bodyOf(a) === bodyOf(b)
  );
}

function bodyOf({ json: { principal, action, resource, conditions } }: Policy): string {
  return JSON.stringify([principal, action, resource, conditions]);
}

function isEmptyGroup(name: string, { groups }: Bindings): boolean {
  const binding = Object.hasOwn(groups, name) ? groups[name] : undefined;
  if (binding === undefined) return false; // that it does not exist is said elsewhere
  return binding.claims.groups.length + binding.users.length + binding.machines.length === 0;
}
