import { SluiceError } from '../../lib/errors.js';
import type { Allowed, Denied, Held } from '../../sessions/gate.js';
import type { Conversation } from './conversation.js';
import type { RelayHooks } from './relay-hooks.js';
import { notice } from './words.js';

/** Keeps a held statement waiting in its own connection: a NOTICE names the request, then people decide. */
export async function holdStatement(held: Held, talk: Conversation, hooks: RelayHooks): Promise<Allowed | Denied> {
  const { request } = held;
  const needed = request.approvals.map(({ group, count }) => `${count} of @${group}`).join(', ');
  const minutes = Math.max(1, Math.round((request.expiresAt - talk.now()) / 60_000));
  talk.toClient(
    notice(
      `held for approval: ${request.message} (policy "${request.policies.join('", "')}", needs ${needed}). Request ${request.id}, open for ${minutes} min`,
      `A reviewer runs: sluice requests approve ${request.id}`,
    ),
  );
  // What was sent before must not wait with it: its answers come out now.
  if (!talk.tracker.isEmpty || talk.unsynced || talk.backend.hasQueued) talk.backend.flush();
  await hooks.release();
  await hooks.deliver();

  const cancel = new AbortController();
  hooks.onHold((error) => cancel.abort(error));
  try {
    return await held.decided(AbortSignal.any([hooks.signal, cancel.signal]));
  } catch (error) {
    if (cancel.signal.aborted && !hooks.signal.aborted) {
      return {
        verdict: 'deny',
        op: held.op,
        error:
          cancel.signal.reason instanceof SluiceError
            ? cancel.signal.reason
            : new SluiceError('interrupted', 'cancelled'),
      };
    }
    throw error;
  } finally {
    hooks.onHold(null);
  }
}
