import type { SluiceError } from '../lib/errors.js';
import { exitCodeOf } from './exit-codes.js';
import { plainBlock } from './plain.js';

export interface FailureContext {
  readonly exitCode?: number;
  /** The command sends operations to a target, so a denial means that the target never saw this one. */
  readonly operation: boolean;
  readonly bold: (text: string) => string;
  readonly red: (text: string) => string;
}

/** How the gateway begins or ends what it says of an operation that it ended while it ran. */
const amid = /^The session was ended|The result ends here\.$/;

/** Who decided, in a person's words, and whether the message still has to be told as the reason. */
function headline(error: SluiceError, operation: boolean): { readonly text: string; readonly why: string | null } {
  const { policy, decider, targetCode } = error.details;
  const message = plainBlock(error.message.trim());
  switch (error.code) {
    case 'denied': {
      if (/^denied by/i.test(message)) return { text: message, why: null };
      const by = policy == null ? 'the gateway' : `gateway policy "${policy}"`;
      const never = operation && !amid.test(message) ? '; the database was not contacted' : '';
      return { text: `Denied by ${by}${never}.`, why: message };
    }
    case 'target_rejected':
      return { text: `The target rejected it: ${message}${targetCode == null ? '' : `  [${targetCode}]`}`, why: null };
    case 'login_required':
      return { text: message, why: decider === 'identity-provider' ? 'the identity provider said so.' : null };
    default:
      return { text: message, why: null };
  }
}

/**
 * An error for a person's eyes:
 *   ✗ Denied by gateway policy "no-drop"; the database was not contacted.   (exit 5)
 *     Why: drop on table public.orders.
 *     Next: sluice requests create db-prod -f change.sql --reason …
 */
export function failureText(error: SluiceError, context: FailureContext): string {
  const { text, why } = headline(error, context.operation);
  const lines = [`${context.red('✗')} ${text}   (exit ${context.exitCode ?? exitCodeOf(error.code)})`];
  if (why !== null && why !== '') lines.push(`  ${context.bold('Why:')} ${why}`);
  for (const step of error.details.next ?? [])
    lines.push(
      `  ${context.bold('Next:')} ${plainBlock(step.command)}${step.when === '' ? '' : `   (${plainBlock(step.when)})`}`,
    );
  return lines.join('\n');
}
