import { SluiceError } from '../../lib/errors.js';
import type { Allowed, Denied, Held } from '../../sessions/permit.js';
import { approveHint, askAhead } from '../../sessions/words.js';
import type { Conversation } from './conversation.js';
import type { RelayHooks } from './relay-hooks.js';
import { notice } from './words.js';

/** How often a waiting client hears that it still waits: proxies between us forget connections that say nothing. */
const reminderMs = 60_000;
/** setTimeout takes 32 bits. */
const longestTimerMs = 2_147_483_647;

/** Keeps a held statement waiting in its own connection: a NOTICE names the request, then people decide. */
export async function holdStatement(held: Held, talk: Conversation, hooks: RelayHooks): Promise<Allowed | Denied> {
  const { request } = held;
  const heldAt = talk.now();
  const needed = request.approvals.map(({ group, count }) => `${count} of @${group}`).join(', ');
  talk.toClient(
    notice(
      `held for approval: ${request.message} (policy "${request.policies.join('", "')}", needs ${needed}). Request ${request.id}, open for ${minutesLeft(held, talk)} min`,
      approveHint(request),
    ),
  );
  // What was sent before must not wait with it: its answers come out now.
  if (!talk.tracker.isEmpty || talk.unsynced || talk.backend.hasQueued) talk.backend.flush();
  await hooks.release();
  await hooks.deliver();

  const cancel = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  hooks.onHold({ request, cancel: (error) => cancel.abort(error) });
  try {
    const decided = held.decided(AbortSignal.any([hooks.signal, cancel.signal]));
    // The wait is watched from here on; what is asked of the server meanwhile may fail first.
    decided.catch(() => undefined);
    const limitMs = await statementTimeoutMs(talk, hooks);
    if (limitMs > 0) {
      const leftMs = Math.max(0, limitMs - (talk.now() - heldAt));
      timers.push(setTimeout(() => cancel.abort(timedOut(held)), Math.min(leftMs, longestTimerMs)));
    }
    timers.push(setInterval(() => remind(held, talk, hooks), reminderMs));
    return await decided;
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
    for (const timer of timers) clearTimeout(timer);
    hooks.onHold(null);
  }
}

/** The client's own limit holds for the wait as well: it asked for an answer within that time, whoever is slow. */
async function statementTimeoutMs(talk: Conversation, hooks: RelayHooks): Promise<number> {
  await hooks.idle();
  // Where the server reads no statement, it cannot be asked; nor has the statement much to wait for.
  if (talk.transaction === 'E' || talk.skipping || talk.copyIn !== null) return 0;
  return await talk.view.statementTimeoutMs(talk.unsynced, hooks.signal);
}

function timedOut({ request }: Held): SluiceError {
  return new SluiceError('timeout', 'canceling statement due to statement timeout', {
    decider: 'gateway',
    requestId: request.id,
    next: [askAhead(request.target)],
  });
}

function remind(held: Held, talk: Conversation, hooks: RelayHooks): void {
  talk.toClient(
    notice(
      `still waiting for approval, ${minutesLeft(held, talk)} min left. Request ${held.request.id}`,
      approveHint(held.request),
    ),
  );
  // Nobody waits for a timer, and what it throws would end the gateway. A delivery that fails ends the session where it is
  // waited for: the record that broke stays broken.
  const deliver = async (): Promise<void> => await hooks.deliver();
  void deliver().catch(() => undefined);
}

function minutesLeft({ request }: Held, talk: Conversation): number {
  return Math.max(1, Math.round((request.expiresAt - talk.now()) / 60_000));
}
