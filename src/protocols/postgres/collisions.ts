import type { Permit } from '../../sessions/permit.js';
import type { BindMessage } from './bind.js';
import type { Conversation, WirePortal, WireStatement } from './conversation.js';
import { int16, int32 } from './frames.js';
import type { RelayHooks } from './relay-hooks.js';

/**
 * A name that is taken. PostgreSQL finds that out late: exec_parse_message after the text was analysed, exec_bind_message
 * after the parameters were counted. So the server is asked, by the private name that is taken there: it says which error
 * comes first. Nothing else is in flight, before and after; should it take the message after all, the session ends.
 */
export async function collideStatement(
  talk: Conversation,
  hooks: RelayHooks,
  { name, taken, types, permit }: CollidingParse,
): Promise<void> {
  talk.backend.parse(permit, taken, types);
  talk.tracker.push({ type: 'collision', named: { client: name, upstream: taken }, op: permit.op });
  await answered(talk, hooks);
}

/** A Bind that collides carries none of the client's values: they would be read after its name. */
export async function collidePortal(
  talk: Conversation,
  hooks: RelayHooks,
  { portal, parameters }: BindMessage,
  { statement, taken }: { readonly statement: WireStatement; readonly taken: Pick<WirePortal, 'upstream' | 'permit'> },
): Promise<void> {
  const nulls = parameters.map(() => int32(-1));
  const values = Buffer.concat([int16(0), int16(parameters.length), ...nulls, int16(0)]);
  talk.backend.bind(taken.permit, taken.upstream, statement.upstream, values);
  talk.tracker.push({ type: 'collision', named: { client: portal, upstream: taken.upstream }, op: null });
  await answered(talk, hooks);
}

interface CollidingParse {
  readonly name: string;
  /** What it is taken by upstream: a private name, or what SQL itself named. */
  readonly taken: string;
  readonly types: Buffer;
  readonly permit: Permit;
}

async function answered(talk: Conversation, hooks: RelayHooks): Promise<void> {
  talk.unsynced = true;
  await hooks.idle();
}
