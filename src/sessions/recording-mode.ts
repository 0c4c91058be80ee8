import { plainFacts } from '../analysis/effects.js';
import { SluiceError } from '../lib/errors.js';
import { type Decision, noFacts, type PolicySet, type Principal } from '../policy/types.js';
import type { RecordingMode } from '../recording/events.js';
import type { TargetConfig } from './types.js';

/** What policy says of a session without a record on this target; null where sessions are recorded. */
export function decideUnrecorded(
  policies: PolicySet,
  principal: Principal,
  target: TargetConfig,
  reason: string | null,
): Decision | null {
  if (target.recording !== 'off') return null;
  const resource = { type: 'Target', path: [target.name] } as const;
  const effects = [{ action: 'unrecorded', resource, facts: plainFacts } as const];
  return policies.decide({ principal, target, effects, approvals: [], session: noFacts, reason });
}

/** Throws `denied` unless this principal may work on this target without a record. Nobody is asked: a hold is a no. */
export function requireRecordedOrPermitted(
  policies: PolicySet,
  principal: Principal,
  target: TargetConfig,
  reason: string | null,
): void {
  const decision = decideUnrecorded(policies, principal, target, reason);
  if (decision === null || decision.verdict === 'allow') return;
  const why = `Sessions on ${target.name} are not recorded, and that needs the permission "unrecorded"`;
  throw new SluiceError('denied', decision.policies.length === 0 ? `${why}.` : `${why}: ${decision.message}`, {
    decider: 'gateway',
    policy: decision.policies[0] ?? null,
    next: [{ command: `sluice describe ${target.name}`, when: 'to see what you may do there' }],
  });
}

/** What a client is told of its record when its session begins. */
export function recordingBanner(
  mode: RecordingMode,
  session: string,
): { readonly message: string; readonly hint: string } {
  switch (mode) {
    case 'strict':
      return { message: `Sluice records this session (strict): ${session}`, hint: `Replay: sluice play ${session}` };
    case 'durable':
      return { message: `Sluice records this session (durable): ${session}`, hint: `Replay: sluice play ${session}` };
    case 'off':
      return {
        message: `Sluice does not record this session (off): ${session}`,
        hint: 'Only its beginning and end are kept.',
      };
  }
}
