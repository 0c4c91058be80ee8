import type { JsonValue, PolicyExplanation } from '../client/api-types.js';
import type { Output } from './output.js';
import { plain } from './plain.js';

const marks = {
  allow: ['green', '✓ allowed'],
  hold: ['yellow', '⏸ held for approval'],
  deny: ['red', '✗ denied'],
} as const;

/** What policy decides about an operation, effect by effect. */
export function showExplanation(document: PolicyExplanation, out: Output): void {
  out.show(document, () => {
    const [color, word] = marks[document.verdict];
    const lines = [`${out.paint(color, word)}${document.message === '' ? '' : `   ${plain(document.message)}`}`];
    for (const effect of document.effects) {
      // Every fact is always present; only what says something is worth a person's time.
      const facts = Object.entries(effect.facts)
        .filter(([, value]) => saysSomething(value))
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
      const by = effect.policies.length === 0 ? 'no policy permits it' : effect.policies.join(', ');
      const [effectColor] = marks[effect.verdict];
      const what = plain(`${effect.action} on ${effect.resource}${facts.length === 0 ? '' : ` (${facts.join(', ')})`}`);
      lines.push(`  ${out.paint(effectColor, effect.verdict.padEnd(5))}  ${what}   [${plain(by)}]`);
    }
    if (document.masked_columns.length > 0) lines.push(`  masked: ${plain(document.masked_columns.join(', '))}`);
    lines.push(`  policy version ${plain(document.policy_version)}`);
    return lines.join('\n');
  });
}

function saysSomething(value: JsonValue): boolean {
  const empty = Array.isArray(value) && value.length === 0;
  return value !== '' && value !== false && value !== null && value !== 0 && !empty;
}
