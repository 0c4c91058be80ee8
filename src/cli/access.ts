import type { AccessBody, AccessDocument } from '../client/api-access-types.js';
import type { SluiceClient } from '../client/api.js';
import { SluiceError } from '../lib/errors.js';
import { approvalText, holdText, refusalOf, waitForDecision, type WaitOptions } from './hold.js';

/** Asks, and where told to waits until people have decided and the grant has begun. */
export async function requestAccess(
  client: SluiceClient,
  body: AccessBody,
  options: WaitOptions & { readonly wait: boolean },
): Promise<AccessDocument> {
  const { out, signal } = options;
  const asked = await client.requestAccess(body, { signal });
  if (!options.wait || asked.request === null) return asked;
  const { id } = asked.request;
  out.note(holdText(asked.request, out));
  const after = [{ command: 'sluice access list --mine', when: 'to see whether it has begun' }];
  const decided = await waitForDecision(client, id, { ...options, after });
  const refusal = refusalOf(decided);
  if (refusal !== null) throw refusal;
  out.note(approvalText(decided, out));
  const { grants } = await client.grants({ mine: true, all: true }, { signal });
  const grant = grants.find(({ request_id: request }) => request === id);
  if (grant !== undefined) return { ...asked, request: decided, grant };
  throw new SluiceError('conflict', `It was approved, but nothing began: ${decided.outcome?.detail ?? 'look again'}.`, {
    decider: 'gateway',
    requestId: id,
    next: [{ command: `sluice requests show ${id}`, when: 'to see what became of it' }],
  });
}
