import type { Conversation } from './conversation.js';
import { encodeFields, type ErrorFields } from './errors.js';
import type { RelayHooks } from './relay-hooks.js';
import { readyForQuery } from './words.js';

/** A refused message, in words for the client. */
export interface Refusal {
  readonly fields: ErrorFields;
}

/**
 * Answers a refused message. With nothing in flight and no transaction the target is not contacted at all; otherwise the
 * server is made to fail in its place, so that pipelines abort and transaction states are what they would be. `simple`:
 * the message was one that ReadyForQuery answers.
 */
export function refuse(talk: Conversation, hooks: RelayHooks, refusal: Refusal, simple = false): void | Promise<void> {
  // A Query behind messages without a Sync is skipped where one of them fails; the Sync in its place would end the skipping.
  const mayBeSkipped = simple && talk.unsynced && !talk.tracker.isEmpty;
  if (!mayBeSkipped) return refuseNow(talk, hooks, refusal, simple);
  return hooks.idle().then(() => (talk.skipping ? undefined : refuseNow(talk, hooks, refusal, simple)));
}

function refuseNow(talk: Conversation, hooks: RelayHooks, refusal: Refusal, simple: boolean): void | Promise<void> {
  const untouched = talk.tracker.isEmpty && !talk.unsynced && !talk.backend.hasQueued && talk.transaction !== 'T';
  if (untouched) {
    talk.toClient(encodeFields('E', refusal.fields));
    if (simple) talk.toClient(readyForQuery(talk.transaction));
    else talk.skipping = true;
    return hooks.deliver();
  }
  talk.backend.fail();
  talk.tracker.push({ type: 'refusal', fields: refusal.fields });
  if (simple) {
    talk.backend.sync();
    talk.unsynced = false;
    talk.tracker.push({ type: 'sync', era: talk.era++ });
  } else {
    talk.skipping = true;
    talk.unsynced = true;
  }
  return undefined;
}

export function noStatement(name: string): Refusal {
  return sqlError(
    '26000',
    name === '' ? 'unnamed prepared statement does not exist' : `prepared statement "${name}" does not exist`,
  );
}

export function sqlError(code: string, message: string): Refusal {
  return {
    fields: new Map([
      ['S', 'ERROR'],
      ['V', 'ERROR'],
      ['C', code],
      ['M', message],
    ]),
  };
}
