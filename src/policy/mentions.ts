import type { ActionConstraint, EntityUidJson, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { actionGroupOf } from './schema.js';

/** Facts that change from one call to the next without the principal, target or effect changing. */
export const passingFacts = ['session', 'identity', 'signals', 'reason', 'hasReason', 'hour', 'weekday'] as const;
export type PassingFact = (typeof passingFacts)[number];

/** Which passing facts can sway the decision on each action; an action not in the map is swayed by none. */
export type Mentions = ReadonlyMap<string, ReadonlySet<PassingFact>>;

/** Reads from the policies' own syntax trees which passing facts each action's decision may depend on. */
export function findMentions(policies: Iterable<PolicyJson>): Mentions {
  const mentions = new Map<string, Set<PassingFact>>();
  for (const policy of policies) {
    const facts = contextAttributes(policy.conditions);
    const passing = passingFacts.filter((fact) => facts === 'all' || facts.has(fact));
    if (passing.length === 0) continue;
    for (const action of actionsOf(policy.action)) {
      const known = mentions.get(action) ?? new Set();
      for (const fact of passing) known.add(fact);
      mentions.set(action, known);
    }
  }
  return mentions;
}

/** Every action that a scope's constraint covers, groups spread out. */
export function actionsOf(constraint: ActionConstraint): readonly string[] {
  if (constraint.op === 'All') return [...actionGroupOf.keys()];
  const named = new Set(constraintEntities(constraint).map(entityId));
  return [...actionGroupOf]
    .filter(([action, group]) => named.has(action) || named.has(group))
    .map(([action]) => action);
}

function constraintEntities(constraint: Exclude<ActionConstraint, { op: 'All' }>): readonly EntityUidJson[] {
  if ('entities' in constraint) return constraint.entities;
  return 'entity' in constraint ? [constraint.entity] : [];
}

function entityId(uid: EntityUidJson): string {
  return '__entity' in uid ? uid.__entity.id : uid.id;
}

/**
 * The attributes of `context` that an expression uses. `context` standing anywhere but before a `.` (or in `has`, whose
 * answer never changes here, since every fact is always present) counts as all of them.
 */
export function contextAttributes(expression: unknown): ReadonlySet<string> | 'all' {
  const found = new Set<string>();
  const queue: unknown[] = [expression];
  while (queue.length > 0) {
    const next = queue.pop();
    if (typeof next !== 'object' || next === null) continue;
    const attribute = accessOfContext(next);
    if (attribute !== null) {
      found.add(attribute);
      continue;
    }
    if ('Var' in next && next.Var === 'context') return 'all';
    for (const value of Object.values(next)) queue.push(value);
  }
  return found;
}

function accessOfContext(node: object): string | null {
  const access: unknown = '.' in node ? node['.'] : 'has' in node ? node.has : null;
  if (typeof access !== 'object' || access === null || !('left' in access) || !('attr' in access)) return null;
  const { left, attr } = access;
  if (typeof left !== 'object' || left === null || !('Var' in left) || left.Var !== 'context') return null;
  const first: unknown = Array.isArray(attr) ? attr[0] : attr;
  return typeof first === 'string' ? first : null;
}
