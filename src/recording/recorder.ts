import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isSluiceError, messageOf, SluiceError } from '../lib/errors.js';
import { isId } from '../lib/ids.js';
import { bundleSession } from './bundle/bundle.js';
import type { CommitCounts } from './commit-log.js';
import { keyOfJournal } from './encryption/journal-opener.js';
import { readIdentityFile, readRecipients, type Identity } from './encryption/recipients.js';
import type { OpenEvent, SessionRecorder } from './events.js';
import { hasCode, syncFolder } from './files.js';
import { IndexClient } from './index/client.js';
import { Journal, type JournalServices, syncTogether } from './journal.js';
import { journalPath, ledgerName } from './layout.js';
import { readLedger } from './ledger-read.js';
import { Pulse, realSchedule } from './pulse.js';
import { Archive } from './objects/archive.js';
import { deletesAnything, keepAll } from './retention/policy.js';
import { Retention } from './retention/retention.js';
import { locateJournal } from './sealing/locate.js';
import { Sealer } from './sealing/sealer.js';
import { startRecordings, type StartedRecordings } from './start.js';
import { SessionRecording, type SessionServices } from './session-recorder.js';
import type {
  GatewayRecorder,
  RecorderOptions,
  RecordingKey,
  RecordingsVerdict,
  SearchPage,
  SessionDetail,
  SessionFilter,
  SessionPage,
} from './types.js';
import { Upkeep, type UpkeepReport } from './upkeep.js';
import { verifyAll } from './verify-all.js';
import type { Volume } from './volumes.js';

const syncAfterMs = 80; // promised: within 100 ms
const signAfterMs = 1000;
const indexAfterMs = 400;
const defaultOperations = 1000;
const maxOperations = 10_000;

/** Opens the recordings of a gateway: takes lock, key, reserve and ledger, recovers what a crash left, starts the index. */
export async function openRecorder(options: RecorderOptions): Promise<GatewayRecorder> {
  const { dir, gateway } = options;
  const clock = options.clock ?? Date.now;
  const onProblem = options.onProblem ?? (() => undefined);
  const recipients = readRecipients(options.recipients ?? []);
  const identities = typeof options.identityFile === 'string' ? readIdentityFile(options.identityFile) : [];
  await makeDir(dir);
  const started = await startRecordings({ ...options, clock, onProblem });
  return new RecordingsOfGateway({ ...options, clock, onProblem }, { ...started, gateway, recipients, identities });
}

type Settled = RecorderOptions & Required<Pick<RecorderOptions, 'clock' | 'onProblem'>>;
type Parts = StartedRecordings &
  Pick<JournalServices, 'gateway' | 'recipients'> & {
    /** Read what is encrypted; none when this gateway cannot. */
    readonly identities: readonly Identity[];
  };

class RecordingsOfGateway implements GatewayRecorder {
  readonly #options: Settled;
  readonly #parts: Parts;
  readonly #live = new Map<string, SessionRecording>();
  /** Being opened or closed: known to the journal's file before the ledger, or the other way round. */
  readonly #passing = new Set<string>();
  /** Their opening failed half way; only the next start can tell. */
  readonly #stranded = new Set<string>();
  readonly #index: IndexClient;
  readonly #grown: Pulse<SessionRecording>;
  readonly #journals: Omit<JournalServices, 'reserve' | 'key'>;
  readonly #sessions: SessionServices;
  readonly #retention: Retention;
  readonly #archive: Archive | null;
  readonly #upkeep: Upkeep;
  #closing: Promise<void> | null = null;

  constructor(options: Settled, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    const { dir, clock, onProblem } = options;
    const schedule = options.schedule ?? realSchedule;
    const indexPath = options.indexPath ?? join(dirname(dir), 'index.db');
    this.#index = new IndexClient(
      { recordingsDir: dir, indexPath, identityFile: options.identityFile ?? null },
      onProblem,
    );
    this.#index.tell({ type: 'catch up', live: [] });
    this.#grown = new Pulse(schedule, indexAfterMs, () => this.#tellGrown());
    this.#retention = new Retention({
      ...{ dir, ledger: parts.ledger, clock, onProblem, policy: options.retention ?? keepAll },
      onDeleted: async (session) => this.#index.tell({ type: 'deleted', id: session }),
    });
    const sealAfterDays = options.sealAfterDays ?? null;
    const objects = options.objects ?? null;
    this.#archive = objects === null ? null : new Archive({ dir, clock, onProblem, ...objects });
    this.#upkeep = new Upkeep({
      ...{ dir, schedule, onProblem, retention: this.#retention, archive: this.#archive },
      sealer: new Sealer({ dir, clock, onProblem, afterDays: sealAfterDays }),
    });
    const hasUpkeep = deletesAnything(options.retention ?? keepAll) || sealAfterDays !== null || objects !== null;
    if (hasUpkeep) this.#upkeep.start();
    this.#journals = {
      ...parts,
      clock,
      unsynced: new Pulse<Journal>(schedule, syncAfterMs, syncTogether),
      unsigned: new Pulse<Journal>(schedule, signAfterMs, (journals) => {
        for (const journal of journals) journal.checkpoint();
      }),
    };
    this.#sessions = {
      ledger: parts.ledger,
      clock,
      onProblem,
      onEvent: options.onEvent ?? null,
      onGrown: (recording) => {
        if (recording.grownRound === this.#grown.round) return;
        recording.grownRound = this.#grown.round;
        this.#grown.add(recording);
      },
      onClosed: (recording, end) => this.#onClosed(recording, end.at, end.reason),
    };
  }

  get liveSessions(): number {
    return this.#live.size;
  }

  get ready(): boolean {
    return this.#closing === null && !this.#parts.volumes.main.reserve.isFull;
  }

  async openSession(open: OpenEvent): Promise<SessionRecorder> {
    if (!isId('ses', open.session)) throw new TypeError('not a session id');
    if (this.#closing !== null) throw new SluiceError('unavailable', 'the gateway is stopping', { decider: 'gateway' });
    const volume = this.#parts.volumes.of(open.target.name);
    for (const { reserve } of [this.#parts.volumes.main, volume]) if (!reserve.restore()) throw noSpace(null);
    this.#passing.add(open.session);
    try {
      const recording = open.mode === 'off' ? await this.#openUnrecorded(open) : await this.#openJournal(open, volume);
      this.#live.set(open.session, recording);
      if (recording.journal === null) this.#index.tell({ type: 'unrecorded opened', open });
      else this.#grown.add(recording);
      this.#options.onEvent?.(open.session, open);
      if (this.#closing !== null) await recording.close('ended by gateway', 'the gateway is stopping');
      return recording;
    } finally {
      if (!this.#live.has(open.session)) this.#passing.delete(open.session);
    }
  }

  async #openUnrecorded(open: OpenEvent): Promise<SessionRecording> {
    await this.#enter(open, null, null);
    return new SessionRecording(open.session, open.mode, null, this.#sessions);
  }

  async #openJournal(open: OpenEvent, volume: Volume): Promise<SessionRecording> {
    const place = journalPath(open.session, open.at);
    const file = join(volume.dir, place);
    let journal: Journal | null = null;
    try {
      const group = { place, isDurable: open.mode === 'durable', log: volume.logFor(open.mode) };
      await makeDir(dirname(file));
      journal = await Journal.create(open, {
        ...{ ...this.#journals, reserve: volume.reserve, key: this.#parts.ring.active },
        ...{ path: file, group },
      });
      await syncFolder(dirname(file));
      await this.#enter(open, volume.prefix + place, journal.firstHash);
      return new SessionRecording(open.session, open.mode, journal, this.#sessions);
    } catch (error) {
      await journal?.abandon();
      const failed = openFailed(error);
      // A ledger that failed in another way than by lack of space may hold the entry all the same: then the file must
      // stay for the next start to recover, whichever it was.
      const mayBeKnown = journal !== null && !isSluiceError(failed, 'unavailable');
      if (mayBeKnown) this.#stranded.add(open.session);
      else if (!hasCode(error, 'EEXIST')) await rm(file, { force: true }).catch(() => undefined);
      throw failed;
    }
  }

  async #enter(
    { at, session, target, identity }: OpenEvent,
    path: string | null,
    firstHash: Buffer | null,
  ): Promise<void> {
    const entry = { session, path, firstHash, target: target.name, user: identity.name };
    await this.#parts.ledger.append({ type: 'session opened', at, ...entry });
  }

  #onClosed(recording: SessionRecording, at: number, reason: string): void {
    const { session: id, journal } = recording;
    this.#live.delete(id);
    this.#passing.delete(id);
    this.#grown.remove(recording);
    if (journal === null) this.#index.tell({ type: 'unrecorded closed', id, at, reason });
    else {
      const grown = this.#grownOf(recording, journal);
      this.#index.tell({ type: 'grown', sessions: [grown] });
      const { count: records, hash: head } = journal.written;
      this.#upkeep.sessionClosed({ id, path: grown.path, closed: { records, head, reason, at }, deleted: null });
      this.#index.tell({ type: 'abandoned', id, at, reason });
    }
  }

  #grownOf({ session }: SessionRecording, journal: Journal): { id: string; path: string; bytes: number } {
    const path = journal.path.slice(this.#options.dir.length + 1).replaceAll('\\', '/');
    return { id: session, path, bytes: journal.bytes };
  }

  #tellGrown(): void {
    const sessions = [...this.#live.values()].flatMap((recording) =>
      recording.journal === null ? [] : [this.#grownOf(recording, recording.journal)],
    );
    this.#index.tell({ type: 'grown', sessions });
  }

  list(filter: SessionFilter): Promise<SessionPage> {
    this.#grown.runNow();
    return this.#index.ask({ type: 'list', filter });
  }

  get(id: string, page: { readonly limit?: number; readonly afterOp?: number } = {}): Promise<SessionDetail | null> {
    if (!isId('ses', id)) return Promise.resolve(null);
    this.#grown.runNow();
    const limit = Math.min(Math.max(1, Math.trunc(page.limit ?? defaultOperations)), maxOperations);
    return this.#index.ask({ type: 'get', id, limit, afterOp: page.afterOp ?? 0 });
  }

  search(query: string, filter: SessionFilter): Promise<SearchPage> {
    this.#grown.runNow();
    return this.#index.ask({ type: 'search', query, filter, now: this.#options.clock() });
  }

  ownerOf(id: string): Promise<string | null> {
    if (!isId('ses', id)) return Promise.resolve(null);
    this.#grown.runNow();
    return this.#index.ask({ type: 'owner', id });
  }

  async journal(id: string): Promise<{ readonly path: string; readonly bytes: number } | null> {
    if (!isId('ses', id)) return null;
    const live = this.#live.get(id)?.journal;
    if (live !== null && live !== undefined) return { path: live.path, bytes: live.bytes };
    const path = await this.#index.ask({ type: 'path', id });
    if (path === null) return null;
    let found = await locateJournal(this.#options.dir, path);
    if (found === null && (await this.#archive?.fetch(path)) === true) {
      found = await locateJournal(this.#options.dir, path);
    }
    return found === null ? null : { path: found.file, bytes: found.bytes };
  }

  async bundle(id: string): Promise<AsyncIterable<Uint8Array> | null> {
    const journal = await this.journal(id);
    if (journal === null) return null;
    const { dir, gateway, clock } = this.#options;
    return bundleSession({ dir, gateway, at: clock(), session: id, journal });
  }

  async setHold(id: string, held: boolean, by: string, reason: string): Promise<void> {
    if (!isId('ses', id)) throw new SluiceError('not_found', `no session ${id}`);
    await this.#retention.setHold(id, held, by, reason);
  }

  upkeep(): Promise<UpkeepReport> {
    return this.#upkeep.run();
  }

  async sessionKey(id: string): Promise<Uint8Array | null> {
    const journal = await this.journal(id);
    return journal === null ? null : keyOfJournal(journal.path, this.#parts.identities);
  }

  async verify(id: string): Promise<RecordingsVerdict | null> {
    if (!isId('ses', id)) return null;
    const verdict = await this.#verify(id);
    return verdict.sessions.length === 0 ? null : verdict;
  }

  verifyAll(): Promise<RecordingsVerdict> {
    return this.#verify(undefined);
  }

  async #verify(session: string | undefined): Promise<RecordingsVerdict> {
    const anchors = await this.#parts.own.all();
    // Sessions that were live when this began may be half way into the ledger when their turn comes.
    const live = new Set(this.#passing);
    return verifyAll(this.#options.dir, {
      ...(session === undefined ? {} : { session }),
      anchors,
      isLive: (id) => live.has(id) || this.#passing.has(id) || this.#stranded.has(id) || this.#retention.isDeleting(id),
      wasDeleted: (id) => this.#retention.wasDeleted(id),
      readElsewhere: async (path) => (await this.#archive?.read(path)) ?? null,
    });
  }

  get commitCounts(): CommitCounts {
    const counts = this.#parts.volumes.all.map((volume) => volume.counts);
    return {
      commits: counts.reduce((sum, { commits }) => sum + commits, 0),
      syncs: counts.reduce((sum, { syncs }) => sum + syncs, 0),
    };
  }

  keys(): Promise<readonly RecordingKey[]> {
    return this.#parts.ring.list();
  }

  rotateKey(): Promise<string> {
    const { ring, ledger, gateway } = this.#parts;
    if (this.#closing !== null) throw new SluiceError('unavailable', 'the gateway is stopping', { decider: 'gateway' });
    return ring.rotate(ledger, { gateway, clock: this.#options.clock });
  }

  async reindex(): Promise<{ readonly sessions: number }> {
    await this.#fetchAll();
    return this.#index.ask({ type: 'reindex', live: [...this.#live.keys()] });
  }

  /** The index is built from what is on this disk: what is only in the object store comes back for that. */
  async #fetchAll(): Promise<void> {
    const archive = this.#archive;
    if (archive === null) return;
    const { sessions } = await readLedger(join(this.#options.dir, ledgerName), new Map(), 'none');
    for (const { path, deleted } of sessions.values()) {
      if (path === null || deleted !== null || !archive.isStored(path)) continue;
      if ((await locateJournal(this.#options.dir, path)) === null) await archive.fetch(path);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { ledger, lock, volumes } = this.#parts;
    await this.#upkeep.stop();
    const { clock, onProblem } = this.#options;
    await Promise.all(
      [...this.#live.values()].map((live) => live.close('ended by gateway', 'the gateway is stopping')),
    );
    try {
      if (volumes.all.some(({ reserve }) => reserve.isFull))
        onProblem('the gateway stops while the disk for recordings is full', null);
      await ledger.append({ type: 'gateway stopped', at: clock() });
    } catch (error) {
      onProblem('the ledger of recordings could not be closed', error);
    }
    await ledger.close();
    await Promise.all(this.#parts.anchors.map((keeper) => keeper.close()));
    this.#grown.stop();
    this.#journals.unsynced.stop();
    this.#journals.unsigned.stop();
    for (const volume of volumes.all) await volume.close();
    await this.#index.close();
    lock.release();
  }
}

function openFailed(error: unknown): Error {
  if (isSluiceError(error)) return error;
  if (['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE'].some((code) => hasCode(error, code))) return noSpace(error);
  return new SluiceError('recorder_failed', `the session cannot be recorded: ${messageOf(error)}`, {
    decider: 'gateway',
    cause: error,
  });
}

function noSpace(cause: unknown): SluiceError {
  const what = cause === null || hasCode(cause, 'ENOSPC') ? 'the disk for recordings is full' : messageOf(cause);
  return new SluiceError('unavailable', `no session can be recorded now: ${what}`, {
    decider: 'gateway',
    retryable: true,
    cause,
  });
}

async function makeDir(dir: string): Promise<void> {
  try {
    const made = await mkdir(dir, { recursive: true, mode: 0o700 });
    if (made !== undefined) await syncFolder(dirname(made));
  } catch (error) {
    throw openFailed(error);
  }
}
