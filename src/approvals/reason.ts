import { SluiceError, type NextStep } from '../lib/errors.js';
import type { Decision } from '../policy/types.js';

/** Throws when a policy that holds the operation wants to know why, and nobody has said. */
export function requireReason(
  decision: Extract<Decision, { verdict: 'hold' }>,
  asked: { readonly reason: string | null; readonly via: 'tunnel' | 'listener' | 'exec' | 'request' },
  target: string,
): void {
  if (decision.needsReason === null || (asked.reason ?? '').trim() !== '') return;
  throw new SluiceError('usage', `This needs approval, and the policy asks for a reason: ${decision.message}`, {
    decider: 'gateway',
    policy: decision.needsReason,
    next: [nextStep(asked.via, target)],
  });
}

function nextStep(via: 'tunnel' | 'listener' | 'exec' | 'request', target: string): NextStep {
  switch (via) {
    case 'exec':
      return { command: `sluice exec ${target} … --reason "why"`, when: 'to say why' };
    case 'request':
      return { command: `sluice requests create ${target} … --reason "why"`, when: 'to say why' };
    case 'tunnel':
    case 'listener':
      return { command: `sluice connect ${target} --reason "why"`, when: 'to open a session with a reason' };
  }
}
