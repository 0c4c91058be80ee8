import type { AnchorSink } from './anchor-keeper.js';
import type { CommitCounts } from './commit-log.js';
import type { Recorder, RecordingMode, SessionEvent } from './events.js';
import type { ObjectStore } from './objects/store.js';
import type { RetentionPolicy } from './retention/policy.js';
import type { UpkeepReport } from './upkeep.js';
import type { GivenKeys } from './signing-keys.js';
import type { VolumeOptions } from './volumes.js';

/** A session as lists and the API show it. Times are RFC 3339 UTC. */
export interface IndexedSession {
  readonly id: string;
  readonly target: string;
  readonly user: string;
  readonly user_kind: 'human' | 'machine';
  /** Who acted: `user` and `user_kind` with the subject, which is null where there is no journal. */
  readonly actor: { readonly id: string | null; readonly name: string; readonly kind: 'human' | 'machine' };
  /** The person for whom a machine acted. */
  readonly on_behalf_of: { readonly id: string; readonly name: string } | null;
  readonly client: string;
  readonly via: 'tunnel' | 'listener' | 'exec';
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly state: SessionState;
  readonly end_reason: string | null;
  readonly operations: number;
  readonly denied: number;
  readonly rows: number;
  readonly recording: RecordingMode;
}
export type SessionState = 'live' | 'closed' | 'interrupted';

/** One operation of a session, with all that became of it. */
export interface IndexedOperation {
  readonly op: number;
  readonly at: string;
  readonly kind: string;
  readonly text: string;
  readonly parameters: readonly (string | null)[];
  readonly effects: readonly string[];
  readonly verdict: 'allow' | 'deny' | 'hold' | null;
  readonly policies: readonly string[];
  readonly message: string | null;
  readonly request_id: string | null;
  readonly row_count: number | null;
  readonly error: string | null;
  readonly duration_ms: number | null;
}

export interface SessionMatch {
  readonly op: number;
  readonly at: string;
  readonly text: string;
  /** The place that matched, with « » around what matched. */
  readonly snippet: string;
  readonly verdict: 'allow' | 'deny' | 'hold' | null;
}

export interface SessionFilter {
  readonly target?: string | undefined;
  readonly user?: string | undefined;
  /** The name of the person for whom a machine acted. */
  readonly onBehalfOf?: string | undefined;
  readonly state?: SessionState | undefined;
  /** Only sessions that this subject opened, by the identity in their journals. */
  readonly owner?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}
export interface SessionPage {
  readonly sessions: readonly IndexedSession[];
  readonly next_cursor: string | null;
}
export interface SearchPage {
  readonly sessions: readonly (IndexedSession & { readonly matches: readonly SessionMatch[] })[];
  readonly next_cursor: string | null;
  /** Matching operations in all sessions; at least so many when capped. */
  readonly match_count: number;
  readonly match_count_capped: boolean;
}
export interface SessionDetail {
  readonly session: IndexedSession;
  readonly operations: readonly IndexedOperation[];
  /** Hand back as `afterOp` to read on; null when these were the last. */
  readonly next_op: number | null;
}

/** Where a record is wrong. Records count from 1; `record` 0 means the file as a whole. */
export interface RecordProblem {
  readonly record: number;
  readonly byte: number;
  readonly message: string;
}
export interface JournalVerdict {
  readonly valid: boolean;
  /** As bound by the first record; null when that cannot be read. */
  readonly session: string | null;
  /** Records that are sound, counted up to the first problem. */
  readonly records: number;
  /** Where the last sound record ends. */
  readonly bytes: number;
  /** Ends with a signed end record. */
  readonly closed: boolean;
  readonly problem: RecordProblem | null;
  /** Records covered by a valid signature; fewer than `records` only in an open journal. */
  readonly signed: number;
  /** Chain hash of the first and of the last sound record, hex. */
  readonly firstHash: string | null;
  readonly headHash: string | null;
  /** Id of the key that signs this journal. */
  readonly key: string | null;
}
export interface SessionVerdict {
  readonly id: string;
  readonly valid: boolean;
  readonly records: number;
  readonly closed: boolean;
  readonly problem: RecordProblem | null;
  /** The ledger holds its tombstone, and its journal is gone as it should be. */
  readonly deleted: boolean;
}
export interface LedgerVerdict {
  readonly valid: boolean;
  readonly entries: number;
  readonly problem: string | null;
  /** What is no proof of a change and yet is to be known. */
  readonly notice: string | null;
}
export interface RecordingsVerdict {
  readonly valid: boolean;
  readonly sessions: readonly SessionVerdict[];
  readonly ledger: LedgerVerdict;
}

export interface RecordingKey {
  readonly id: string;
  readonly algorithm: 'Ed25519';
  readonly public_key_pem: string;
  readonly state: 'active' | 'retired';
}

/** The recorder of a gateway: journals, ledger, index and verification behind one door. */
export interface GatewayRecorder extends Recorder {
  readonly liveSessions: number;
  /** False while new sessions are refused (no space, failed ledger, closed). */
  readonly ready: boolean;
  list(filter: SessionFilter): Promise<SessionPage>;
  /** Null when there is no such session. At most `limit` operations (default 1,000) after `afterOp`. */
  get(id: string, page?: { readonly limit?: number; readonly afterOp?: number }): Promise<SessionDetail | null>;
  search(query: string, filter: SessionFilter): Promise<SearchPage>;
  /** Subject of the identity that opened a session, by its journal; null when there is no journal. */
  ownerOf(id: string): Promise<string | null>;
  /** The session's file and how many of its bytes are whole records now; null when there is none. */
  journal(id: string): Promise<{ readonly path: string; readonly bytes: number } | null>;
  /** The key of an encrypted session, for one who may read it; null when it has none, or none that this gateway can open. */
  sessionKey(id: string): Promise<Uint8Array | null>;
  /** A closed session with its proofs as one archive; null when there is none. */
  bundle(id: string): Promise<AsyncIterable<Uint8Array> | null>;
  /** Begins or ends a legal hold on a session: while it lasts, nothing deletes it. Signed in the ledger. */
  setHold(id: string, held: boolean, by: string, reason: string): Promise<void>;
  /** Deletes what has expired and packs what is old, now rather than within the hour. */
  upkeep(): Promise<UpkeepReport>;
  /** Null when there is no such session. */
  verify(id: string): Promise<RecordingsVerdict | null>;
  verifyAll(): Promise<RecordingsVerdict>;
  /** Since the start: how many commits of durable sessions were made safe, and with how many syncs of the disk. */
  readonly commitCounts: CommitCounts;
  keys(): Promise<readonly RecordingKey[]>;
  /** Signs with a new key from now on; gives its id. Journals that are open keep their key. */
  rotateKey(): Promise<string>;
  /** Forgets the index and builds it again from the journals. */
  reindex(): Promise<{ readonly sessions: number }>;
  /** Ends every session that is still open as `ended by gateway`, closes ledger and index. Idempotent. */
  close(): Promise<void>;
}

export interface RecorderOptions {
  /** `<stateDir>/recordings` */
  readonly dir: string;
  /** `<stateDir>/keys` */
  readonly keysDir: string;
  /** The gateway's name, written into every journal. */
  readonly gateway: string;
  /** Default: `index.db` beside `dir`. */
  readonly indexPath?: string;
  readonly clock?: () => number;
  /** Runs `task` once after about `ms` milliseconds and gives back how to cancel; the default never keeps a process alive. */
  readonly schedule?: Schedule;
  /** `age1…`, or files of them: what happens in a session is encrypted for these. Default: nothing is encrypted. */
  readonly recipients?: readonly string[];
  /** An identity file, with which the gateway reads what it has encrypted: for its index, and for whoever may read. */
  readonly identityFile?: string | null;
  /** How long recordings are kept; default: for ever. */
  readonly retention?: RetentionPolicy;
  /** Days after which journals are packed; default: never. */
  readonly sealAfterDays?: number | null;
  /** Where a copy of everything is kept; default: nowhere. The recorder closes it. */
  readonly objects?: { readonly store: ObjectStore; readonly localDays: number | null } | null;
  /** Bytes kept back so that journals can still be ended and signed on a full disk. Default 4 MiB. */
  readonly reserveBytes?: number;
  /** Signing keys that are kept elsewhere than in `keysDir`. */
  readonly signingKeys?: GivenKeys | null;
  /** Where the ledger's head is told, at most once in `anchorMs` (default a minute). */
  readonly anchors?: readonly AnchorSink[];
  readonly anchorMs?: number;
  /** Folders in `dir` for the journals of some targets; the first that takes a target has it. Default none. */
  readonly volumes?: readonly VolumeOptions[];
  /** Sees every event of every session right after it was queued. Must be quick; what it throws is ignored. */
  readonly onEvent?: (session: string, event: SessionEvent) => void;
  /** Faults that stop no session: a lost index, a journal that could not be recovered. */
  readonly onProblem?: (message: string, cause: unknown) => void;
}
export type Schedule = (task: () => void, ms: number) => () => void;
