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
  /** `@requires("reason")`: nobody is asked without a reason. */
  readonly requiresReason: boolean;
  /** `@requires("approver-comment")`: an approval without a comment counts for nothing. */
  readonly requiresComment: boolean;
  /** `@reuse("30m")`: how long reviewers may let an approval stand for the like of it; 0 without the annotation. */
  readonly reuseMs: number;
  /** `shadow`: it decides nothing; what it would have decided is recorded. */
  readonly mode: 'enforce' | 'shadow';
}

const meaningful = ['id', 'message', 'approval', 'quorum', 'requires', 'reuse', 'mode'] as const;
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
  const requires = text('requires');
  const reuse = text('reuse');
  for (const [name, given] of [
    ['requires', requires],
    ['reuse', reuse],
  ] as const) {
    if (given !== null && approvals.length === 0 && json.annotations?.['approval'] === undefined)
      report(name, `@${name} means nothing without @approval`, 'add @approval("GROUP")');
  }
  const asked = readRequires(requires, report);
  return {
    ...{ id, message, approvals, mode: mode === 'shadow' ? 'shadow' : 'enforce' },
    ...{ requiresReason: asked.has('reason'), requiresComment: asked.has('approver-comment') },
    reuseMs: readReuse(reuse, report),
  };
}

const requirable = ['reason', 'approver-comment'] as const;

/** `@requires("reason")`, `@requires("reason, approver-comment")`: what people have to say. */
function readRequires(requires: string | null, report: Report): ReadonlySet<string> {
  const asked = (requires ?? '').split(',').map((word) => word.trim());
  for (const word of requires === null ? [] : asked)
    if (!requirable.some((known) => known === word))
      report('requires', `@requires knows no "${word.slice(0, 40)}"`, suggest(word, requirable));
  return new Set(asked);
}

const unitMs = { m: 60_000, h: 3_600_000 } as const;
const maxReuseMs = 24 * unitMs.h;

function readReuse(reuse: string | null, report: Report): number {
  if (reuse === null) return 0;
  const [, digits, unit] = /^(\d{1,4})([mh])$/.exec(reuse.trim()) ?? [];
  const ms = Number(digits) * (unit === 'h' ? unitMs.h : unitMs.m);
  if (ms > 0 && ms <= maxReuseMs) return ms;
  report('reuse', '@reuse is a time of at most 24 hours', 'write @reuse("30m")');
  return 0;
}

type Report = (name: string, message: string, hint?: string | null) => void;

/**
 * `@approval("dba")`, `@approval("dba:2, security")`: groups, each by so many people. `@quorum("2, 1")` says the same in
 * a second annotation; one number there counts for all groups.
 */
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
  const asked = approval.split(',').map((group) => /^(.*?)(?::(\d+))?$/s.exec(group.trim()) ?? []);
  const groups = asked.map(([, group = '']) => group);
  const inline = asked.map(([, , count]) => count);
  if (groups.some((group) => group === '') || new Set(groups).size !== groups.length) {
    report('approval', '@approval names one group, or several different ones with commas between');
    return [];
  }
  const counted = inline.some((count) => count !== undefined);
  if (counted && quorum !== null) {
    report('quorum', '@quorum repeats what @approval says already', 'leave it out');
    return [];
  }
  const counts = counted
    ? inline.map((count) => Number(count ?? '1'))
    : (quorum ?? '1').split(',').map((count) => Number(count.trim()));
  if (counts.some((count) => !Number.isInteger(count) || count < 1 || count > maxQuorum)) {
    if (counted) report('approval', `@approval asks for 1 to ${maxQuorum} people of a group`, 'write "GROUP:2"');
    else report('quorum', `@quorum is how many people must approve, from 1 to ${maxQuorum}`, 'write @quorum("2")');
    return [];
  }
  if (counts.length !== 1 && counts.length !== groups.length)
    report('quorum', '@quorum gives one number, or one for each group of @approval');
  const attributes = contextAttributes(json.conditions);
  if (attributes !== 'all' && !attributes.has('approvals')) {
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
