import type { JsonValue, PolicyExplanation } from '../client/api-types.js';
import type { Output } from './output.js';
import { plain } from './plain.js';

const marks = {
  allow: ['green', '✓ allowed'],
  hold: ['yellow', '⏸ held for approval'],
  deny: ['red', '✗ denied'],
} as const;
const past = { allow: 'allowed', hold: 'held for approval', deny: 'denied' } as const;

/** What policy decides about an operation, effect by effect, and what would change it. */
export function showExplanation(document: PolicyExplanation, out: Output): void {
  out.show(document, () => {
    const [color, word] = marks[document.verdict];
    const lines = [
      ...recordedLines(document.recorded),
      `${out.paint(color, word)}${document.message === '' ? '' : `   ${plain(document.message)}`}`,
    ];
    for (const effect of document.effects) {
      // Every fact is always present; only what says something is worth a person's time.
      const facts = Object.entries(effect.facts)
        .filter(([, value]) => saysSomething(value))
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
      const [effectColor] = marks[effect.verdict];
      const what = plain(`${effect.action} on ${effect.resource}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`);
      lines.push(`  ${out.paint(effectColor, effect.verdict.padEnd(5))}  ${what}`);
      if (effect.determining.length === 0) lines.push('           no policy permits it');
      for (const { id, effect: kind, file, line } of effect.determining)
        lines.push(plain(`           ${kind} "${id}"   ${file}:${line}`));
    }
    if (document.masked_columns.length > 0) lines.push(`  masked: ${plain(document.masked_columns.join(', '))}`);
    for (const change of document.changes) lines.push(plain(`  would change it: ${changeText(change)}`));
    lines.push(`  policy version ${plain(document.policy_version)}`);
    return lines.join('\n');
  });
}

function recordedLines(recorded: PolicyExplanation['recorded']): readonly string[] {
  if (recorded === null) return [];
  const { user, target, at, text, verdict, policies, policy_version: version, exact } = recorded;
  const by = policies.length === 0 ? '' : ` by ${policies.join(', ')}`;
  return [
    plain(`${user} on ${target} at ${at}: ${text}`),
    plain(`recorded: ${past[verdict]}${by} (policy version ${version})`),
    ...(exact ? [] : ['now, by what was recorded of its effects (without all of their facts):']),
  ];
}

function changeText({ change, value, verdict }: PolicyExplanation['changes'][number]): string {
  const then = past[verdict];
  switch (change) {
    case 'approval':
      return `approval by ${value} → ${then}`;
    case 'group':
      return `being in group ${value} → ${then}`;
    case 'reason':
      return `giving a reason (--reason) → ${then}`;
    case 'mfa':
      return `a login with a second factor → ${then}`;
  }
}

function saysSomething(value: JsonValue): boolean {
  const empty = Array.isArray(value) && value.length === 0;
  return value !== '' && value !== false && value !== null && value !== 0 && !empty;
}
