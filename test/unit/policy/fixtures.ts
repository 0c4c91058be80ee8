import {
  type ActionName,
  type Effect,
  type EffectFacts,
  plainFacts,
  type ResourceRef,
} from '../../../src/analysis/effects.js';
import { loadBundle } from '../../../src/policy/bundle.js';
import { type CompiledPolicies, type CompileOptions, compilePolicies } from '../../../src/policy/decide.js';
import type { DecisionQuery, Principal, TargetRef } from '../../../src/policy/types.js';

export const demo: TargetRef = { name: 'demo-db', kind: 'postgres', labels: { env: 'demo', team: 'shop' } };

export function person(name: string, ...groups: string[]): Principal {
  return { id: `https://idp.example#${name}`, name, kind: 'human', issuer: 'https://idp.example', mfa: false, groups };
}

export function machine(name: string, ...groups: string[]): Principal {
  return { ...person(name, ...groups), kind: 'machine' };
}

/** An effect on demo-db; `where` is a path below the database: "public.orders" or "public.users.email". */
export function effect(
  action: ActionName,
  where = '',
  facts: Partial<EffectFacts> = {},
  type?: ResourceRef['type'],
): Effect {
  const parts = where === '' ? [] : where.split('.');
  const path = parts.length === 0 ? ['demo-db'] : ['demo-db', 'shop', ...parts];
  const byDepth: Record<number, ResourceRef['type']> = {
    1: 'Target',
    2: 'Database',
    3: 'Schema',
    4: 'Table',
    5: 'Column',
  };
  return {
    action,
    resource: { type: type ?? byDepth[path.length] ?? 'Object', path },
    facts: { ...plainFacts, ...facts },
  };
}

export const gatewayEffect = (action: ActionName): Effect => ({
  action,
  resource: { type: 'Gateway', path: ['gateway'] },
  facts: plainFacts,
});

export function ask(
  principal: Principal,
  effects: readonly Effect[],
  more: Partial<DecisionQuery> = {},
): DecisionQuery {
  const session = { rowsRead: 0, bytesRead: 0, statements: 0, seconds: 0 };
  return { principal, target: demo, effects, approvals: [], session, reason: null, ...more };
}

export const targetsYaml = `targets:
  - name: demo-db
    kind: postgres
    address: 127.0.0.1:5432
    database: shop
    username: sluice_gateway
    secret: vault:demo-db
    tls: { mode: disable }
    labels: { env: demo, team: shop }
`;

/** A bundle around these policies, with groups a, b, c, dba, security and classes email and card. */
export function bundleFiles(cedar: string, more: Readonly<Record<string, string>> = {}): ReadonlyMap<string, string> {
  const files: Record<string, string> = {
    'targets.yaml': targetsYaml,
    'classification.yaml': 'classes: { email: { mask: email }, card: { mask: last4 } }\n',
    'bindings.yaml': 'groups: { a: , b: , c: , dba: , security: }\n',
    'policies/test.cedar': cedar,
    ...more,
  };
  return new Map(Object.entries(files));
}

export function compile(cedar: string, options: CompileOptions = {}): CompiledPolicies {
  const result = loadBundle(bundleFiles(cedar));
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return compilePolicies(result.bundle, options);
}
