import { privatePrefix } from '../../analysis/faults.js';
import type { SessionChange } from '../../analysis/postgres-types.js';
import { maskFields, scrubError } from '../../masking/scrub.js';
import type { Conversation } from './conversation.js';
import type { ErrorFields } from './errors.js';
import { mayHaveMoved } from './moved-names.js';
import type { Run } from './run.js';
import { tellsOnlyOfTheText } from './safe-errors.js';
import type { Expected } from './tracker.js';

/** The server speaks of private names; the client knows its own. */
export function publicNames(talk: Conversation, fields: ErrorFields): ErrorFields {
  const message = fields.get('M') ?? '';
  if (!message.includes(privatePrefix)) return fields;
  const { head } = talk.tracker;
  const named = head !== undefined && 'named' in head ? head.named : null;
  const known = [...talk.statements, ...talk.portals];
  const told = message
    .replaceAll(/sluice_[sp]\d+/g, (upstream) =>
      named?.upstream === upstream
        ? named.client
        : (known.find(([, { upstream: own }]) => own === upstream)?.[0] ?? upstream),
    )
    .replace('prepared statement "" does', 'unnamed prepared statement does');
  return new Map(fields).set('M', told);
}

/**
 * What of an error or notice that answers `head` may be seen: all of it where nothing protected is near, else code and
 * condition name.
 */
export function shownFields(talk: Conversation, fields: ErrorFields, head: Expected | undefined): ErrorFields {
  const { catalogs, incoming } = talk;
  // Parse analysis runs no query, and a name is taken before any value is read: such an error speaks of the text alone.
  if (head?.type === 'parse' || head?.type === 'collision') return fields;
  const touching =
    head === undefined || touchesProtected(head) || hasMoved(talk, head) || (talk.touched && endsOthers(head));
  if (!touching || tellsOnlyOfTheText(fields) || catalogs.hasNothingProtected(incoming.target, incoming.classification))
    return maskFields(fields, incoming.classification.detectors);
  return scrubError(fields);
}

function touchesProtected(head: Expected): boolean {
  if (head.type === 'query') return head.runs.some((run) => run.statement.touchesProtected);
  const run = runOf(head);
  if (run !== null) return run.statement.touchesProtected;
  // Sync runs the deferred checks of statements that have gone by.
  return true;
}

function hasMoved(talk: Conversation, head: Expected): boolean {
  const runs = head.type === 'query' ? head.runs : [runOf(head)];
  return runs.some((run) => run !== null && mayHaveMoved(talk, run));
}

const ending: ReadonlySet<SessionChange['type']> = new Set<SessionChange['type']>([
  'commit',
  'rollback',
  'savepoint',
  'closeCursor',
  'discard',
]);

/**
 * What ends a cursor or a transaction, or checks what was deferred, runs the rest of statements that have gone by:
 * constraints, triggers, and what a module of the server says of a plan at its end.
 */
function endsOthers(head: Expected): boolean {
  const runs = head.type === 'query' ? head.runs : [runOf(head)];
  return runs.some(
    (run) =>
      run?.statement.node === 'ConstraintsSetStmt' ||
      run?.statement.changes.some(({ type }) => ending.has(type)) === true,
  );
}

/** What runs where this is answered next. */
export function runOf(head: Expected): Run | null {
  if (head.type === 'bind' || head.type === 'execute' || head.type === 'describePortal' || head.type === 'deallocate')
    return head.run;
  if (head.type === 'query') return head.runs[head.at] ?? head.runs.at(-1) ?? null;
  return null;
}
