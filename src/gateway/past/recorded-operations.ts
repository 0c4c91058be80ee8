import type { DecisionEvent, OpenEvent, OperationEvent, SessionEvent } from '../../recording/events.js';
import { readEvents } from '../../recording/read.js';
import type { GatewayRecorder } from '../../recording/types.js';
import type { Principal, SessionFacts } from '../../policy/types.js';

/** An operation as a journal has it, with what was known when it was first decided. */
export interface RecordedOperation {
  readonly open: OpenEvent;
  readonly operation: OperationEvent;
  /** The first decision: what policy said before anyone had approved. */
  readonly decision: DecisionEvent;
  readonly session: SessionFacts;
}

/** The decided operations of a session, in order; none when its journal is not here or cannot be opened. */
export async function* recordedOperations(recorder: GatewayRecorder, id: string): AsyncGenerator<RecordedOperation> {
  const journal = await recorder.journal(id);
  if (journal === null) return;
  let open: OpenEvent | null = null;
  const waiting = new Map<number, { readonly operation: OperationEvent; readonly session: SessionFacts }>();
  const read = { rowsRead: 0, bytesRead: 0 };
  for await (const event of eventsOf(recorder, id, journal.path)) {
    if (event.type === 'open') open = event;
    if (event.type === 'result') {
      read.rowsRead += event.rowCount;
      read.bytesRead += event.byteCount;
    }
    if (event.type === 'operation' && open !== null) {
      const seconds = Math.floor((event.at - open.at) / 1000);
      waiting.set(event.op, { operation: event, session: { ...read, statements: event.op, seconds } });
    }
    if (event.type !== 'decision' || open === null) continue;
    const known = waiting.get(event.op);
    if (known === undefined) continue; // the decision after an approval
    waiting.delete(event.op);
    yield { open, decision: event, ...known };
  }
}

function eventsOf(recorder: GatewayRecorder, id: string, path: string): AsyncGenerator<SessionEvent> {
  return readEvents(path, { openKey: () => recorder.sessionKey(id) });
}

/**
 * Who acted, as the journal has them. It does not say whether they had a second factor; `none` is the careful answer.
 */
export function recordedPrincipal({ identity }: OpenEvent): Principal {
  const { subject, name, kind, issuer, groups } = identity;
  return { id: subject, name, kind, issuer, groups, mfa: false };
}
