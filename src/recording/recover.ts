import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../lib/errors.js';
import { ChainQueue, type BufferPool, type ChainHead } from './chain.js';
import { encodeEvent } from './event-encoder.js';
import type { OpenEvent } from './events.js';
import { isJournalPath, journalPaths, sessionOfPath } from './layout.js';
import type { Ledger } from './ledger.js';
import type { LedgerSession } from './ledger-read.js';
import { readEvents } from './read.js';
import { chunksOf } from './scan.js';
import { appendCheckpoint, type PublicKeys, type SigningKey } from './signing.js';
import { cutTail, openToAppend, type Tail } from './tail.js';
import { JournalCheck } from './verify.js';

/** Journals that wait together share a signature and a sync of the ledger. */
const parallel = 128;

export interface RecoveryOptions {
  readonly dir: string;
  readonly ledger: Ledger;
  /** What the ledger held when it was opened. */
  readonly sessions: ReadonlyMap<string, LedgerSession>;
  /** The keys that sign, by id: the one of now and, for journals begun under them, older ones. */
  readonly signers: ReadonlyMap<string, SigningKey>;
  readonly keys: PublicKeys;
  readonly pool: BufferPool;
  readonly clock: () => number;
  readonly onProblem: (message: string, cause: unknown) => void;
}

/** How one journal was left. */
export type Recovered =
  | { readonly kind: 'interrupted' | 'closed'; readonly head: ChainHead; readonly reason: string }
  /** It cannot be closed truthfully; the file stays as it is and verification says why. */
  | { readonly kind: 'damaged' | 'missing'; readonly message: string };

/** Closes what a gateway that died has left open: journals first, then their ledger entries. Returns how many. */
export async function recoverSessions(options: RecoveryOptions): Promise<number> {
  const open = [...options.sessions.values()].filter(({ closed }) => closed === null);
  const tasks: (() => Promise<void>)[] = open.map((session) => () => recoverListed(session, options));
  for (const path of await unlistedPaths(options)) tasks.push(() => recoverUnlisted(path, options));
  const { length } = tasks;
  const worker = async (): Promise<void> => {
    for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) await task();
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return length;
}

async function recoverListed(session: LedgerSession, options: RecoveryOptions): Promise<void> {
  const { ledger, clock, dir } = options;
  const { id, path } = session;
  let records = 0;
  let head: Buffer | null = null;
  let reason = 'interrupted';
  if (path !== null) {
    const recovered = isJournalPath(path)
      ? await recoverJournal(join(dir, path), id, options)
      : ({ kind: 'damaged', message: 'the ledger names a path that is none' } as const);
    if ('message' in recovered) {
      reason = recovered.kind;
      options.onProblem(`the recording of ${id} could not be closed: ${recovered.message}`, null);
    } else {
      ({ reason } = recovered);
      ({ count: records, hash: head } = recovered.head);
    }
  }
  await ledger.append({ type: 'session closed', at: clock(), session: id, records, head, reason });
}

/** A gateway that died between creating a journal and its ledger entry: the session had not begun. */
async function recoverUnlisted(path: string, options: RecoveryOptions): Promise<void> {
  const { dir, ledger, clock } = options;
  const id = sessionOfPath(path);
  const file = join(dir, path);
  if (!(await exists(file))) return; // sealed, so it was closed
  const check = await inspect(file, options.keys);
  const verdict = check.finish(true);
  if (verdict.signed === 0 && check.mayBeTorn && (verdict.session ?? id) === id) return setAside(file, options);
  // A stranger's file, or one that was closed: only the ledger's loss explains that, and verification must say so.
  if (verdict.session !== id || verdict.signed === 0 || verdict.closed || verdict.firstHash === null) return;
  const open = await openingOf(file);
  if (open === null) return;
  const firstHash = Buffer.from(verdict.firstHash, 'hex');
  const { target, identity } = open;
  const entry = { session: id, path, firstHash, target: target.name, user: identity.name };
  await ledger.append({ type: 'session opened', at: open.at, ...entry });
  await recoverListed(
    { ...entry, id, openedAt: open.at, closed: null, held: false, deleted: null },
    { ...options, clock },
  );
}

/** The gateway died before it had signed even the opening: nothing happened in that session, and nobody was let in. */
async function setAside(file: string, { keys, onProblem }: RecoveryOptions): Promise<void> {
  const tail = await cutTail(file, { bytes: 0, records: 0 }, keys);
  if (tail.kind === 'damaged') return;
  await rm(file);
  if (tail.kind === 'torn') onProblem(`the torn beginning of a journal was set aside in ${tail.keptIn}`, null);
}

/** Journals of the last days that the ledger does not know. */
async function unlistedPaths({ dir, sessions }: RecoveryOptions): Promise<readonly string[]> {
  let last = 0;
  const known = new Set<string>();
  for (const { path, openedAt } of sessions.values()) {
    last = Math.max(last, openedAt);
    if (path !== null) known.add(path);
  }
  const dayMs = 86_400_000;
  const since = new Date(Math.max(0, last - dayMs)).toISOString().slice(0, 10);
  const unlisted: string[] = [];
  for await (const path of journalPaths(dir, since)) if (!known.has(path)) unlisted.push(path);
  return unlisted;
}

async function openingOf(path: string): Promise<OpenEvent | null> {
  for await (const event of readEvents(path)) return event.type === 'open' ? event : null;
  return null;
}

async function inspect(path: string, keys: PublicKeys): Promise<JournalCheck> {
  const check = new JournalCheck(keys, { reads: false }); // whatever it says, it is closed
  for await (const chunk of chunksOf(path)) {
    check.push(chunk);
    if (check.failed) break;
  }
  return check;
}

/** Sets a torn tail aside and ends the journal as interrupted, saying what was signed before and what was not. */
export async function recoverJournal(
  path: string,
  session: string,
  options: Pick<RecoveryOptions, 'signers' | 'keys' | 'pool' | 'clock'>,
): Promise<Recovered> {
  if (!(await exists(path))) return { kind: 'missing', message: 'the file is missing' };
  try {
    const check = await inspect(path, options.keys);
    const verdict = check.finish(true);
    const { head, end } = check;
    if (!check.mayBeTorn || head === null || verdict.signed === 0) {
      return { kind: 'damaged', message: verdict.problem?.message ?? 'nothing in it is signed' };
    }
    if (verdict.session !== session) return { kind: 'damaged', message: 'it is the journal of another session' };
    const key = options.signers.get(verdict.key ?? '');
    if (key === undefined && !verdict.closed) return { kind: 'damaged', message: `its key ${verdict.key} is not here` };
    const tail = await cutTail(path, verdict, options.keys);
    if (tail.kind === 'damaged' || (verdict.closed && tail.kind === 'torn')) {
      return { kind: 'damaged', message: `record ${head.count + 1} was changed after it had been signed` };
    }
    if (verdict.closed || key === undefined) return { kind: 'closed', head, reason: end?.reason ?? 'interrupted' };
    const detail = describe(verdict.records, verdict.signed, tail);
    return await endJournal(
      { path, head, bytes: verdict.bytes, detail, ended: end?.reason ?? null },
      { ...options, key },
    );
  } catch (error) {
    return { kind: 'damaged', message: messageOf(error) };
  }
}

function describe(records: number, signed: number, tail: Tail): string {
  const parts = [`the gateway stopped; records up to ${signed} were signed before`];
  if (records > signed) parts.push(`records up to ${records} were recovered unsigned`);
  if (tail.kind === 'torn') parts.push(`${tail.bytes} bytes after them were torn and set aside`);
  return parts.join('; ');
}

async function endJournal(
  journal: { path: string; head: ChainHead; bytes: number; detail: string; ended: string | null },
  { key, pool, clock }: Pick<RecoveryOptions, 'pool' | 'clock'> & { readonly key: SigningKey },
): Promise<Recovered> {
  const file = openToAppend(journal.path, journal.bytes);
  const queue = new ChainQueue(pool, journal.head);
  try {
    if (journal.ended === null) {
      queue.append(encodeEvent, { type: 'end', at: clock(), reason: 'interrupted', detail: journal.detail });
    }
    appendCheckpoint(queue, key, clock());
    file.write(queue.pending());
    queue.clear();
    await file.sync();
    return { kind: 'interrupted', head: queue.written, reason: journal.ended ?? 'interrupted' };
  } finally {
    await file.close();
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
