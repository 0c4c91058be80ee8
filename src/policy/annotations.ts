import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { contextAttributes } from './mentions.js';
import { annotationAt, type PolicySource } from './policy-text.js';
import { nearest, placeAt, type ProblemList, suggest } from './problems.js';

/** What a policy's annotations say, validated. */
export interface PolicyAnnotations {
  readonly id: string;
  /** For the user, when this policy refuses. */
  readonly message: string | null;
  /** Groups whose approval lifts this forbid, each by so many people; empty for a plain policy. */
  readonly approvals: readonly { readonly group: string; readonly count: number }[];
  /** `shadow`: it decides nothing; what it would have decided is recorded. */
  readonly mode: 'enforce' | 'shadow';
}

const meaningful = ['id', 'message', 'approval', 'quorum', 'mode'] as const;
/** Annotations that mean nothing to the gateway but are everybody's habit; never taken for a typo. */
const habitual = new Set([
  'description',
  'owner',
  'advice',
  'reason',
  'severity',
  'ticket',
  'tags',
  'title',
  'source',
  'since',
]);
const idPattern = /^[A-Za-z0-9][A-Za-z0-9_.:/#-]{0,99}$/;
const maxQuorum = 20;

/** Checks one policy's annotations; problems go to the list. */
export function readAnnotations(
  source: PolicySource,
  json: PolicyJson,
  fileText: string,
  problems: ProblemList,
): PolicyAnnotations {
  const given = new Map<string, unknown>(Object.entries(json.annotations ?? {}));
  const report = (name: string, message: string, hint: string | null = null): void =>
    problems.add('error', source.file, placeAt(fileText, annotationAt(source, name)), message, hint);
  const text = (name: (typeof meaningful)[number]): string | null => {
    if (!given.has(name)) return null;
    const value = given.get(name);
    if (typeof value === 'string' && value.trim() !== '') return value;
    report(name, `@${name} needs a value`, `write @${name}("…")`);
    return null;
  };
  for (const name of given.keys()) {
    if (habitual.has(name) || meaningful.some((known) => known === name)) continue;
    const near = nearest(name, meaningful);
    if (near !== null) report(name, `unknown annotation @${name}`, `did you mean @${near}?`);
  }
  const fallback = `${source.file.replace(/^policies\//, '').replace(/\.cedar$/, '')}#${source.index}`;
  const id = text('id') ?? fallback;
  if (id.startsWith('shadow:')) report('id', 'an id that begins with "shadow:" would be taken for another policy');
  if (!idPattern.test(id)) report('id', 'a policy id is made of letters, digits and _ . : / # -, at most 100');
  const message = text('message');
  if (message !== null && (message.length > 500 || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(message))) {
    report('message', '@message must be one line of at most 500 visible characters');
  }
  const mode = text('mode') ?? 'enforce';
  if (mode !== 'enforce' && mode !== 'shadow')
    report('mode', `@mode is "enforce" or "shadow", not "${mode.slice(0, 40)}"`, suggest(mode, ['enforce', 'shadow']));
  const approvals = readApprovals(json, text('approval'), text('quorum'), report);
  return { id, message, approvals, mode: mode === 'shadow' ? 'shadow' : 'enforce' };
}

type Report = (name: string, message: string, hint?: string | null) => void;

/** `@approval("dba")`, `@approval("dba, security") @quorum("2, 1")`; one quorum counts for all groups. */
function readApprovals(
  json: PolicyJson,
  approval: string | null,
  quorum: string | null,
  report: Report,
): PolicyAnnotations['approvals'] {
  if (approval === null) {
    if (quorum !== null) report('quorum', '@quorum means nothing without @approval', 'add @approval("GROUP")');
    return [];
  }
  if (json.effect !== 'forbid') {
    report('approval', '@approval stands on a forbid: an approval lifts a refusal, it never grants a permission');
    return [];
  }
  const groups = approval.split(',').map((group) => group.trim());
  if (groups.some((group) => group === '') || new Set(groups).size !== groups.length) {
    report('approval', '@approval names one group, or several different ones with commas between');
    return [];
  }
  const counts = (quorum ?? '1').split(',').map((count) => Number(count.trim()));
  if (counts.some((count) => !Number.isInteger(count) || count < 1 || count > maxQuorum)) {
    report('quorum', `@quorum is how many people must approve, from 1 to ${maxQuorum}`, 'write @quorum("2")');
    return [];
  }
  if (counts.length !== 1 && counts.length !== groups.length)
    report('quorum', '@quorum gives one number, or one for each group of @approval');
  const asked = contextAttributes(json.conditions);
  if (asked !== 'all' && !asked.has('approvals')) {
    const hint = `end it with: unless { context.approvals.contains("${groups[0] ?? ''}") };`;
    report('approval', 'no approval ever lifts this forbid: its conditions do not ask for context.approvals', hint);
  } else {
    const literals = stringLiterals(json.conditions);
    const missing = groups.find((group) => !literals.has(group));
    if (missing !== undefined) {
      report(
        'approval',
        `approval by "${missing}" changes nothing: the conditions do not ask for it`,
        `ask context.approvals.contains("${missing}")`,
      );
    }
  }
  return groups.map((group, index) => ({ group, count: counts[index] ?? counts[0] ?? 1 }));
}

function stringLiterals(expression: unknown): ReadonlySet<string> {
  const found = new Set<string>();
  const queue: unknown[] = [expression];
  while (queue.length > 0) {
    const next = queue.pop();
    if (typeof next === 'string') found.add(next);
    else if (typeof next === 'object' && next !== null) for (const value of Object.values(next)) queue.push(value);
  }
  return found;
}
