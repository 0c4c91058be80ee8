import { SluiceError } from '../../lib/errors.js';
import { viewExplanation } from '../explanation-view.js';
import { instant } from '../request-view.js';
import type { ExplainDocument } from '../schemas/policy.js';
import type { GatewayServices } from '../services.js';
import { recoverEffects } from './recorded-effects.js';
import { recordedOperations, recordedPrincipal } from './recorded-operations.js';

/** What was decided about a recorded operation, and what the policies in force say of it now. */
export async function explainRecorded(
  services: GatewayServices,
  session: string,
  op: number,
): Promise<ExplainDocument> {
  const { recorder, engines } = services;
  const configuration = services.configuration.current();
  for await (const recorded of recordedOperations(recorder, session)) {
    if (recorded.operation.op !== op) continue;
    const { open, operation, decision } = recorded;
    const recovered = await recoverEffects(recorded, configuration, engines);
    const target = configuration.targets.get(open.target.name) ?? open.target;
    const query = {
      principal: recordedPrincipal(open),
      target,
      effects: recovered?.effects ?? [],
      approvals: [],
      session: recorded.session,
      reason: open.reason,
    };
    return {
      ...viewExplanation(query, configuration, recovered?.maskedColumns ?? []),
      recorded: {
        session_id: session,
        op,
        at: instant(operation.at),
        user: open.identity.name,
        target: open.target.name,
        text: operation.text,
        effects: [...operation.effects],
        verdict: decision.verdict,
        policies: [...decision.policies],
        message: decision.message,
        policy_version: decision.policyVersion,
        exact: recovered?.exact ?? false,
      },
    };
  }
  throw new SluiceError('not_found', `${session} has no decided operation ${op}`, {
    next: [{ command: `sluice sessions show ${session}`, when: 'to see its operations' }],
  });
}
