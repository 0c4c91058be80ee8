import { type ActionName, type Effect, type EffectFacts, plainFacts, type ResourceRef } from '../analysis/effects.js';
import { type Decision, noFacts, type PolicySet, type Principal, type TargetRef } from './types.js';

/** What policy says of one action on a target as a whole. */
export interface Permission {
  readonly action: ActionName;
  /** What sets it apart from others of the same action: "without WHERE", a data class; '' for the plain case. */
  readonly detail: string;
  readonly verdict: Decision['verdict'];
  readonly policies: readonly string[];
  /** Why it is held or denied; '' when allowed. */
  readonly message: string;
}

export interface PermissionQuestion {
  readonly principal: Principal;
  readonly target: TargetRef;
  /** The target's database, when known, so that policies on Database::"…" count. */
  readonly database?: string;
  /** Data classes to ask `reveal` about. */
  readonly classes?: readonly string[];
}

interface Case {
  readonly action: ActionName;
  readonly detail?: string;
  readonly type: ResourceRef['type'];
  readonly facts?: Partial<EffectFacts>;
}

const builtin = { volatility: 'stable', source: 'builtin' } as const;
const volatile = { volatility: 'volatile', source: 'user' } as const;

const cases: readonly Case[] = [
  { action: 'connect', type: 'Target' },
  { action: 'select', type: 'Table' },
  { action: 'copyOut', type: 'Table' },
  { action: 'insert', type: 'Table' },
  { action: 'update', type: 'Table' },
  { action: 'update', detail: 'without WHERE', type: 'Table', facts: { filtered: false } },
  { action: 'delete', type: 'Table' },
  { action: 'delete', detail: 'without WHERE', type: 'Table', facts: { filtered: false } },
  { action: 'copyIn', type: 'Table' },
  { action: 'truncate', type: 'Table' },
  { action: 'create', type: 'Table', facts: { object: 'table' } },
  { action: 'alter', type: 'Table', facts: { object: 'table' } },
  { action: 'drop', type: 'Table', facts: { object: 'table' } },
  { action: 'callFunction', type: 'Function', facts: builtin },
  { action: 'callFunction', detail: 'with effects', type: 'Function', facts: volatile },
  { action: 'grant', type: 'Object' },
  { action: 'copyProgram', type: 'Target' },
  { action: 'infer', type: 'Column' },
  { action: 'unknown', type: 'Target' },
];

/** How deep each type lies; `*` stands for any name, which only policies on the target or its labels cover. */
const depths: Record<ResourceRef['type'], number> = {
  Gateway: 1,
  Target: 1,
  Database: 2,
  Schema: 3,
  Table: 4,
  Function: 4,
  Object: 4,
  Path: 2,
  Column: 5,
};

/** Representative actions of each group on a target as a whole, for `describe`. Policies on single tables don't show. */
export function permissionsFor(question: PermissionQuestion, policies: PolicySet): readonly Permission[] {
  const { principal, target } = question;
  const reveals = (question.classes ?? []).map((name): Case => ({
    action: 'reveal',
    detail: name,
    type: 'Column',
    facts: { class: name },
  }));
  return [...cases, ...reveals].map(({ action, detail = '', type, facts }) => {
    const path = [target.name, question.database ?? '*', '*', '*', '*'].slice(0, depths[type]);
    const effect: Effect = { action, resource: { type, path }, facts: { ...plainFacts, ...facts } };
    const decision = policies.decide({
      principal,
      target,
      effects: [effect],
      approvals: [],
      session: noFacts,
      reason: null,
    });
    const message = decision.verdict === 'allow' ? '' : decision.message;
    return { action, detail, verdict: decision.verdict, policies: decision.policies, message };
  });
}
