import type { CopyOfProtected, StatementAnalysis } from '../../analysis/postgres-types.js';
import { sendAgain } from '../../sessions/words.js';
import type { Conversation } from './conversation.js';
import { planResult } from './result-plan.js';
import type { Run } from './run.js';
import { notice } from './words.js';

/**
 * Whether other sessions may have changed what a statement means between the moment it came and now. The server lets it wait
 * for their locks, and it finds its names behind their COMMIT.
 */
export function mayHaveMoved(talk: Conversation, run: Run, isPlanned = false): boolean {
  const { changes, catalogs, incoming } = talk;
  if (!changes.touch(run.statement, talk, run.since, isPlanned)) return false;
  return !catalogs.hasNothingProtected(incoming.target, incoming.classification);
}

/** A statement as it may have run: what it shows under names that have moved nobody knows. */
export function asItMayRun(talk: Conversation, run: Run, isPlanned = false): StatementAnalysis {
  run.seenChanges = talk.changes.version;
  const { statement } = run;
  const unknown = { ...statement, output: 'unknown' } as const;
  if (run.isWithheld) return unknown;
  if (statement.output === null || !mayHaveMoved(talk, run, isPlanned)) return statement;
  run.isWithheld = true;
  const message = 'what this reads was changed by another session while it ran, so its values are withheld.';
  talk.session.recorder.append({ type: 'notice', at: talk.now(), op: run.op, code: '', message });
  talk.toClient(notice(message, sendAgain));
  return unknown;
}

/** Locks keep relations as they were once a statement is planned; a function may be replaced while it runs. */
export function withholdMoved(talk: Conversation, run: Run): void {
  if (run.plan === null || run.seenChanges === talk.changes.version) return;
  const statement = asItMayRun(talk, run, true);
  if (statement !== run.statement) run.plan = planResult(run.plan.description, statement, run.catalog, talk.masking);
}

const writing: ReadonlySet<string> = new Set(['insert', 'update', 'merge']);

/** What a statement has written that read under names which have moved: it may be a copy of anything protected. */
export function noteMovedCopies(talk: Conversation, run: Run): void {
  const { statement, catalog } = run;
  const written = statement.effects.filter(({ action, resource }) => writing.has(action) && resource.type === 'Table');
  if (written.length === 0 || !mayHaveMoved(talk, run)) return;
  const sources = [...catalog.protectedOrigins.values()].flatMap((origin) => origin.sources);
  const classes = [...new Set(sources.map((source) => source.class))];
  const copies = written.flatMap(({ resource: { path } }) =>
    classes.map((name): CopyOfProtected => ({
      schema: path.at(-2) ?? '',
      table: path.at(-1) ?? '',
      column: null,
      relation: 0,
      attribute: 0,
      class: name,
      derived: true,
    })),
  );
  talk.copies.sent({ ...statement, copies }, { maker: {}, op: run.op, era: 0 });
}
