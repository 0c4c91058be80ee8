import type { SluiceError } from '../lib/errors.js';
import { exitCodeOf } from './exit-codes.js';
import { plainBlock } from './plain.js';

export interface FailureContext {
  readonly exitCode?: number;
  /** What an operation of this command would have reached. */
  readonly addressee: 'database' | 'target';
  readonly bold: (text: string) => string;
  readonly red: (text: string) => string;
}

/** Who decided, in a person's words, and whether the message still has to be told as the reason. */
function headline(error: SluiceError, addressee: string): { readonly text: string; readonly why: string | null } {
  const { policy, decider, targetCode, targetContacted } = error.details;
  const message = plainBlock(error.message.trim());
  switch (error.code) {
    case 'denied': {
      if (/^denied by/i.test(message)) return { text: message, why: null };
      const by = policy == null ? 'the gateway' : `gateway policy "${policy}"`;
      const never = targetContacted === false ? `; the ${addressee} was not contacted` : '';
      return { text: `Denied by ${by}${never}.`, why: message };
    }
    case 'target_rejected': {
      const by =
        decider === 'gateway' && targetContacted === false
          ? 'The gateway rejected it, as the target would'
          : 'The target rejected it';
      return { text: `${by}: ${message}${targetCode == null ? '' : `  [${targetCode}]`}`, why: null };
    }
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
  const { text, why } = headline(error, context.addressee);
  const lines = [`${context.red('✗')} ${text}   (exit ${context.exitCode ?? exitCodeOf(error.code)})`];
  if (why !== null && why !== '') lines.push(`  ${context.bold('Why:')} ${why}`);
  for (const step of error.details.next ?? [])
    lines.push(
      `  ${context.bold('Next:')} ${plainBlock(step.command)}${step.when === '' ? '' : `   (${plainBlock(step.when)})`}`,
    );
  return lines.join('\n');
}
