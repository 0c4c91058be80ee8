import { looksAlike } from '../../analysis/other-names.js';
import type { Permit } from '../../sessions/permit.js';
import type { Conversation, WireStatement } from './conversation.js';
import type { JudgedQuery } from './judged-query.js';
import { sqlError } from './refusal.js';

/** As RevalidateCachedQuery has it. */
export const resultChanged = sqlError('0A000', 'cached plan must not change result type');

/**
 * Prepares a statement again whose names mean other objects now. The server would not always: it goes on with the plan that
 * it has when a temporary table comes to stand before the one that was meant. Null where the result would look otherwise.
 */
export function prepareAnew(
  talk: Conversation,
  name: string,
  prior: WireStatement,
  { query, permit }: { readonly query: JudgedQuery; readonly permit: Permit },
): WireStatement | null {
  const [before] = prior.query.statements;
  const [now] = query.statements;
  if (before === undefined || now === undefined || !looksAlike(before, now)) return null;
  const statement: WireStatement = { upstream: talk.newName('s'), types: prior.types, query, plan: null };
  const changes = { kind: 'statement', name } as const;
  talk.backend.parse(permit, statement.upstream, prior.types);
  talk.tracker.push({ type: 'parse', hidden: true, changes, undo: () => talk.statements.set(name, prior) });
  talk.backend.close('statement', prior.upstream);
  talk.tracker.push({ type: 'close', hidden: true, changes, undo: () => undefined });
  talk.statements.set(name, statement);
  talk.unsynced = true;
  return statement;
}
