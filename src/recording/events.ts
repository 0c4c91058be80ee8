/** Everything a session's journal can hold, in the order it happened. `at` is milliseconds since the epoch. */
export type SessionEvent =
  | OpenEvent
  | OperationEvent
  | DecisionEvent
  | ApprovalEvent
  | ColumnsEvent
  | RowsEvent
  | ResultEvent
  | ErrorEvent
  | NoticeEvent
  | TerminalEvent
  | FileEvent
  | EndEvent;

export interface RecordedIdentity {
  readonly subject: string;
  /** What people call it: e-mail, preferred name or client id. */
  readonly name: string;
  readonly kind: 'human' | 'machine';
  readonly issuer: string;
  readonly groups: readonly string[];
  /** The person for whom a machine acted. */
  readonly onBehalfOf?: { readonly subject: string; readonly name: string } | null;
}
export type RecordingMode = 'strict' | 'durable' | 'off';

export interface OpenEvent {
  readonly type: 'open';
  readonly at: number;
  readonly session: string;
  readonly identity: RecordedIdentity;
  readonly client: {
    readonly address: string;
    readonly application: string;
    readonly via: 'tunnel' | 'listener' | 'exec';
  };
  readonly target: { readonly name: string; readonly kind: string; readonly labels: Readonly<Record<string, string>> };
  readonly mode: RecordingMode;
  readonly policyVersion: string;
  readonly reason: string | null;
  /** What the caller labelled the session with (`exec --meta`). */
  readonly meta?: Readonly<Record<string, string>>;
}
/** An operation as it arrived, before it is decided. `op` counts from 1 in each session. */
export interface OperationEvent {
  readonly type: 'operation';
  readonly at: number;
  readonly op: number;
  readonly kind: string;
  readonly text: string;
  readonly parameters: readonly (string | null)[];
  /** "delete on table demo-db/shop/public/orders"; empty when analysis failed. */
  readonly effects: readonly string[];
  /** Why it could not be analysed, or null. */
  readonly fault: string | null;
}
export interface DecisionEvent {
  readonly type: 'decision';
  readonly at: number;
  readonly op: number;
  readonly verdict: 'allow' | 'deny' | 'hold';
  /** Ids of the determining policies. */
  readonly policies: readonly string[];
  readonly message: string;
  readonly policyVersion: string;
  readonly request: string | null;
  /** What policies in shadow mode would have made of it, where that is another verdict. */
  readonly shadow?: { readonly verdict: 'allow' | 'deny' | 'hold'; readonly policies: readonly string[] };
}
export interface ApprovalEvent {
  readonly type: 'approval';
  readonly at: number;
  readonly op: number;
  readonly request: string;
  readonly state: 'approved' | 'denied' | 'expired' | 'cancelled' | 'executed';
  readonly by: readonly { readonly name: string; readonly comment: string }[];
}
/** The shape of a result. Type OIDs and formats as on the wire, so that playback can decode the rows. */
export interface ColumnsEvent {
  readonly type: 'columns';
  readonly at: number;
  readonly op: number;
  readonly columns: readonly {
    readonly name: string;
    readonly typeOid: number;
    readonly format: 0 | 1;
    readonly masked: boolean;
  }[];
}
/** Masked rows as DataRow payloads (Int16 count, then Int32 length + bytes), each preceded by its Int32 length. */
export interface RowsEvent {
  readonly type: 'rows';
  readonly at: number;
  readonly op: number;
  readonly count: number;
  readonly data: Uint8Array;
}
export interface ResultEvent {
  readonly type: 'result';
  readonly at: number;
  readonly op: number;
  /** CommandComplete's tag: "SELECT 3", "DELETE 1"; "" for a suspended portal. */
  readonly tag: string;
  readonly rowCount: number;
  readonly byteCount: number;
  /** Rows over the cap are counted and digested, not kept. */
  readonly truncated: boolean;
  /** Hex SHA-256 over the DataRow messages that were delivered and not kept; '' when all were kept. */
  readonly digest: string;
}
export interface ErrorEvent {
  readonly type: 'error';
  readonly at: number;
  readonly op: number | null;
  readonly decider: 'gateway' | 'target' | 'network';
  readonly code: string;
  readonly message: string;
}
/** Code of the notice that says how many rows of a session `exec` has given out so far: it may read more than its bounds let out. */
export const givenNotice = 'given';

export interface NoticeEvent {
  readonly type: 'notice';
  readonly at: number;
  readonly op: number | null;
  readonly code: string;
  readonly message: string;
}
/** Terminal output ('o'), input ('i') or size ('r', data "COLSxROWS"), as asciicast names them. */
export interface TerminalEvent {
  readonly type: 'terminal';
  readonly at: number;
  /** The operation whose program this is; 0 in journals from before programs could run side by side. */
  readonly op: number;
  readonly stream: 'o' | 'i' | 'r';
  readonly data: Uint8Array;
}
/** Content of a file that an operation moves, from its beginning, each piece behind the one before. */
export interface FileEvent {
  readonly type: 'file';
  readonly at: number;
  readonly op: number;
  readonly direction: 'download' | 'upload';
  /** Masked by the detectors, byte for byte. */
  readonly data: Uint8Array;
}
export interface EndEvent {
  readonly type: 'end';
  readonly at: number;
  readonly reason:
    'client closed' | 'target closed' | 'ended by gateway' | 'interrupted' | 'recorder failed' | 'revoked';
  readonly detail: string;
}

/**
 * Writes one session's journal. `append` only queues in memory, cheaply; `commit` writes everything queued to the file
 * (one write call, synchronous in `strict` mode) and returns or resolves when it counts as recorded in this session's mode.
 * An engine must commit an operation and its decision before it forwards, and a response before it delivers it.
 * After any failure `commit` throws `SluiceError('recorder_failed')` for ever; the session must stop.
 */
export interface SessionRecorder {
  readonly session: string;
  readonly mode: RecordingMode;
  append(event: SessionEvent): void;
  /** Undefined when done synchronously (strict); a promise in durable mode. */
  commit(): void | Promise<void>;
  /** Appends the end event, signs, closes, writes the ledger entry. Idempotent; never throws. */
  close(reason: EndEvent['reason'], detail: string): Promise<void>;
}

/** Opens journals: the recorder of a gateway. */
export interface Recorder {
  /** Creates the journal and the ledger entry, durably, before anything happens in the session. */
  openSession(open: OpenEvent): Promise<SessionRecorder>;
}
