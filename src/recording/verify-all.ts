import { basename, join } from 'node:path';
import { anchorProblem, type LedgerAnchor } from './anchor.js';
import { isJournalPath, journalPaths, ledgerName, sessionOfPath } from './layout.js';
import { readLedger, type LedgerContent, type LedgerSession } from './ledger-read.js';
import { messageOf } from '../lib/errors.js';
import { publishedKeys } from './keys.js';
import { locateJournal, sizeOf } from './sealing/locate.js';
import type { PublicKeys } from './signing.js';
import type { JournalVerdict, LedgerVerdict, RecordingsVerdict, SessionVerdict } from './types.js';
import { verifyJournal } from './verify.js';

export interface VerifyAllOptions {
  /** Default: the keys published beside the recordings, which only helps against those who cannot write there. */
  readonly keys?: PublicKeys;
  /** Heads of the ledger that were kept elsewhere; it must hold every one of them. */
  readonly anchors?: readonly LedgerAnchor[];
  /** Only this session; the ledger is checked all the same. */
  readonly session?: string;
  /** Sessions that may be on their way from or into the ledger at this moment (a running gateway's live ones). */
  readonly isLive?: (session: string) => boolean;
  /** A journal that is not here any more, from where it was stored. */
  readonly readElsewhere?: (path: string) => Promise<AsyncIterable<Uint8Array> | null>;
  /** Sessions that a running gateway has deleted, perhaps since the ledger was read. */
  readonly wasDeleted?: (session: string) => boolean;
}

/**
 * Checks every journal in a recordings folder against the ledger: changed, cut, swapped, missing and extra files show.
 * Works while a gateway writes there, and offline.
 */
export async function verifyAll(dir: string, options: VerifyAllOptions = {}): Promise<RecordingsVerdict> {
  const given = options.keys ?? (await publishedKeys(dir));
  // Files first, ledger second: a journal that is created in between is not taken for a stranger.
  const files = await filesOf(dir, options.session);
  const ledger = await ledgerOf(dir, given, options);
  const keys = ledger.content?.keys ?? given;
  const isLive = options.isLive ?? (() => false);
  const sessions: SessionVerdict[] = [];
  for (const [id, entry] of ledger.content?.sessions ?? []) {
    if (options.session !== undefined && options.session !== id) continue;
    const verdict = await verifyEntry(dir, entry, keys, isLive(id), options);
    const isGone = verdict.records === 0 && options.wasDeleted?.(id) === true;
    sessions.push(isGone ? gone(id) : verdict);
  }
  for (const path of files) {
    const id = sessionOfPath(path);
    const known = ledger.content?.sessions.get(id);
    if (known?.path === path || isLive(id)) continue;
    const journal = await locateJournal(dir, path);
    if (journal === null) continue; // gone since
    const verdict = await verifyJournal(journal.file, keys, { allowOpen: true });
    const message = known === undefined ? 'the ledger does not know this journal' : 'a second journal of this session';
    sessions.push(judged(id, verdict, message));
  }
  return { valid: ledger.verdict.valid && sessions.every(({ valid }) => valid), sessions, ledger: ledger.verdict };
}

async function filesOf(dir: string, session: string | undefined): Promise<readonly string[]> {
  const files: string[] = [];
  for await (const path of journalPaths(dir)) {
    if (session === undefined || sessionOfPath(path) === session) files.push(path);
  }
  return files;
}

async function ledgerOf(
  dir: string,
  keys: PublicKeys,
  { anchors = [], isLive }: VerifyAllOptions,
): Promise<{ readonly content: LedgerContent | null; readonly verdict: LedgerVerdict }> {
  const path = join(dir, ledgerName);
  const size = await sizeOf(path);
  if (size === null) {
    return { content: null, verdict: { valid: false, entries: 0, problem: 'there is no ledger', notice: null } };
  }
  const content = await readLedger(path, keys);
  const { problem, entries } = content;
  const nothing = content.head === null ? 'nothing in the ledger is signed' : null;
  const broken = problem === null ? nothing : `record ${problem.record} (byte ${problem.byte}): ${problem.message}`;
  const message = broken ?? (await anchorProblem(path, anchors, content.keys));
  // A running gateway is about to sign what it has just written.
  const notice = message === null && isLive === undefined ? unsignedNotice(content) : null;
  return { content, verdict: { valid: message === null, entries, problem: message, notice } };
}

/** A torn end is how a crash leaves a file, and how it looks when somebody has put bytes there: who verifies is told. */
function unsignedNotice({ unfinished, unsignedBytes }: LedgerContent): string | null {
  if (!unfinished) return null;
  const what = `${unsignedBytes} bytes behind its last signature are signed by nobody and were not counted`;
  return `${what}: a gateway that was killed, or is writing now, leaves such an end, and so does whoever adds to the file`;
}

async function verifyEntry(
  dir: string,
  entry: LedgerSession,
  keys: PublicKeys,
  live: boolean,
  { readElsewhere }: VerifyAllOptions,
): Promise<SessionVerdict> {
  const { id, path, closed, deleted } = entry;
  if (path === null) return { ...gone(id), closed: closed !== null, deleted: false }; // not recorded
  if (!isJournalPath(path)) return failed(id, 'the ledger names a path that is none');
  const journal = await locateJournal(dir, path);
  if (deleted !== null) {
    if (journal === null || live) return gone(id);
    return failed(id, `deleted by policy at ${new Date(deleted.at).toISOString()}, yet a journal is there`);
  }
  let verdict: JournalVerdict;
  try {
    const source = journal?.file ?? (await readElsewhere?.(path)) ?? null;
    if (source === null) return failed(id, `the journal ${path} is missing`);
    verdict = await verifyJournal(source, keys, { allowOpen: closed === null });
  } catch (error) {
    if (journal !== null) throw error;
    return failed(id, `the journal ${path} is stored elsewhere and cannot be read now: ${messageOf(error)}`);
  }
  return judged(id, verdict, verdict.problem === null ? ledgerMismatch(entry, verdict, live) : null);
}

/** How a journal that is sound in itself differs from what the ledger says of it. */
function ledgerMismatch(entry: LedgerSession, verdict: JournalVerdict, live: boolean): string | null {
  const { id, path, closed, firstHash } = entry;
  if (verdict.session !== id) return `this is the journal of ${verdict.session ?? 'nobody'}, put in the place of ${id}`;
  if (basename(path ?? '', '.journal') !== id) return 'the ledger names another file for this session';
  if (firstHash?.toString('hex') !== verdict.firstHash) return 'another journal than the one the ledger saw opened';
  if (closed === null) {
    return verdict.closed && !live
      ? 'closed, but the ledger never saw it closed: the ledger was cut, or the gateway died just then'
      : null;
  }
  if (closed.head === null) return `the gateway could not close it (${closed.reason})`;
  if (closed.records !== verdict.records || closed.head.toString('hex') !== verdict.headHash) {
    return `the ledger saw it closed with ${closed.records} records and another content`;
  }
  return null;
}

function judged(id: string, verdict: JournalVerdict, message: string | null): SessionVerdict {
  const { records, closed } = verdict;
  const problem = verdict.problem ?? (message === null ? null : { record: 0, byte: 0, message });
  return { id, valid: problem === null, records, closed, problem, deleted: false };
}

/** Deleted by policy: all that is left is its tombstone. */
function gone(id: string): SessionVerdict {
  return { id, valid: true, records: 0, closed: true, problem: null, deleted: true };
}

function failed(id: string, message: string): SessionVerdict {
  return { id, valid: false, records: 0, closed: false, problem: { record: 0, byte: 0, message }, deleted: false };
}
