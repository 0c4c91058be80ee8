/**
 * The gateway's HTTP API as its clients see it. Every response document carries `schema` and `ok`; lists stand under
 * their own name; 64-bit integers and decimals are strings; times are RFC 3339 UTC; absent values are null.
 * The gateway's schemas check that its answers have exactly these shapes.
 */
import type { Decider, ErrorCode, NextStep } from '../lib/errors.js';

/** What every successful document starts with. */
export interface Envelope<Schema extends string> {
  readonly schema: Schema;
  readonly ok: true;
}

/** `sluice.error/v1`: what every failure looks like, with any HTTP status of 202 or 4xx and 5xx. */
export interface ErrorDocument {
  readonly schema: 'sluice.error/v1';
  readonly ok: false;
  readonly error: {
    readonly code: ErrorCode;
    readonly exit_code: number;
    readonly decider: Decider;
    readonly policy: string | null;
    readonly message: string;
    readonly retryable: boolean;
    readonly request_id: string | null;
    readonly expires_at: string | null;
    /** The target's own code (SQLSTATE…) when `code` is `target_rejected`. */
    readonly target_code?: string | null;
    /** False: nothing of the operation reached the target. */
    readonly target_contacted?: boolean | null;
    readonly next: readonly NextStep[];
  };
}

/** GET /v1/login: how to log in here. Needs no token. */
export interface LoginInfo extends Envelope<'sluice.login/v1'> {
  readonly issuer: string;
  readonly client_id: string;
  readonly audience: string;
  readonly scopes: readonly string[];
  readonly device: boolean;
  readonly browser: boolean;
  /** The issuer is the built-in demo provider of a gateway on loopback. */
  readonly demo: boolean;
}

/** GET /v1/targets/NAME/doctor */
export interface TargetDoctor extends Envelope<'sluice.target_doctor/v1'> {
  readonly target: string;
  readonly checks: readonly {
    readonly name: string;
    readonly state: 'ok' | 'warning' | 'failed';
    readonly message: string;
    readonly hardening: readonly string[];
  }[];
}

/** GET /v1/whoami */
export interface Whoami extends Envelope<'sluice.whoami/v1'> {
  readonly id: string;
  readonly name: string;
  readonly kind: 'human' | 'machine';
  readonly issuer: string;
  readonly groups: readonly string[];
  /** The person for whom a machine acts; absent in answers of older gateways. */
  readonly on_behalf_of?: { readonly id: string; readonly name: string } | null;
  readonly expires_at: string;
}

export type TargetStatus = 'online' | 'offline' | 'unknown';
export interface TargetSummary {
  readonly name: string;
  readonly kind: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly recording: 'strict' | 'durable' | 'off';
  readonly status: TargetStatus;
}
/** GET /v1/targets */
export interface TargetList extends Envelope<'sluice.targets/v1'> {
  readonly targets: readonly TargetSummary[];
}
export interface TargetFilter {
  readonly kind?: string;
  /** "key=value" */
  readonly label?: string;
  readonly search?: string;
}
/** GET /v1/targets/:name; never an address, user name or secret. */
export interface TargetDetail extends Envelope<'sluice.target/v1'> {
  readonly name: string;
  readonly kind: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly recording: 'strict' | 'durable' | 'off';
  readonly database: string | null;
  readonly permissions: readonly {
    readonly action: string;
    readonly group: string;
    readonly verdict: 'allow' | 'hold' | 'deny';
    readonly policies: readonly string[];
    /** Who must approve it when it is held. */
    readonly approvals: readonly { readonly group: string; readonly count: number }[];
  }[];
  readonly protected_columns: readonly {
    readonly column: string;
    readonly class: string;
    readonly mask: string;
    /** Whether the caller sees its values in clear. */
    readonly reveal: 'allow' | 'hold' | 'deny';
  }[];
}

export type SessionState = 'live' | 'closed' | 'interrupted';
/** One recorded session. */
export interface ApiSession {
  readonly id: string;
  readonly target: string;
  readonly user: string;
  readonly user_kind: 'human' | 'machine';
  /** Who acted; absent in answers of older gateways. */
  readonly actor?: { readonly id: string | null; readonly name: string; readonly kind: 'human' | 'machine' };
  /** The person for whom a machine acted; absent in answers of older gateways. */
  readonly on_behalf_of?: { readonly id: string; readonly name: string } | null;
  readonly client: string;
  readonly via: 'tunnel' | 'listener' | 'exec';
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly state: SessionState;
  readonly end_reason: string | null;
  readonly operations: number;
  readonly denied: number;
  readonly rows: number;
  readonly recording: 'strict' | 'durable' | 'off';
}
export interface SessionFilter {
  readonly target?: string;
  readonly user?: string;
  readonly on_behalf_of?: string;
  readonly state?: SessionState;
  readonly limit?: number;
  readonly cursor?: string;
}
/** GET /v1/sessions */
export interface SessionList extends Envelope<'sluice.sessions/v1'> {
  readonly sessions: readonly ApiSession[];
  readonly next_cursor: string | null;
}
export interface SessionMatch {
  readonly op: number;
  readonly at: string;
  readonly text: string;
  readonly snippet: string;
  readonly verdict: 'allow' | 'deny' | 'hold' | null;
}
export interface SessionSearchFilter {
  readonly q: string;
  readonly target?: string;
  readonly user?: string;
  readonly on_behalf_of?: string;
  readonly limit?: number;
  readonly cursor?: string;
}
/** GET /v1/sessions/search */
export interface SessionSearch extends Envelope<'sluice.session_search/v1'> {
  readonly sessions: readonly (ApiSession & { readonly matches: readonly SessionMatch[] })[];
  readonly next_cursor: string | null;
  /** Matching operations in all sessions; at least so many when capped. */
  readonly match_count: number;
  readonly match_count_capped: boolean;
}
export interface SessionOperation {
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
/** GET /v1/sessions/:id */
export interface SessionDocument extends Envelope<'sluice.session/v1'> {
  readonly session: ApiSession;
  readonly operations: readonly SessionOperation[];
}
/** GET /v1/sessions/watch, its query; the answer is NDJSON of `sluice.audit/v1` events. */
export interface WatchFilter {
  readonly session?: string;
  readonly target?: string;
  readonly user?: string;
}
/** POST /v1/sessions/:id/end */
export interface SessionEnd extends Envelope<'sluice.session_end/v1'> {
  readonly session_id: string;
  /** False when the gateway is still closing its record. */
  readonly ended: boolean;
}
/** GET /v1/sessions/:id/key */
export interface SessionKey extends Envelope<'sluice.session_key/v1'> {
  readonly session_id: string;
  /** Base64; null when the session is not encrypted, or the gateway cannot open it. */
  readonly key: string | null;
}
interface CopiedColumn {
  readonly id: string;
  /** `schema.table.column`; `*` for every column. */
  readonly column: string;
  readonly class: string;
  readonly derived: boolean;
}
/** GET /v1/targets/:name/copies */
export interface CopyList extends Envelope<'sluice.copies/v1'> {
  readonly target: string;
  readonly copies: readonly (CopiedColumn & {
    readonly since: string;
    readonly made_by: readonly {
      readonly user: string;
      readonly session_id: string;
      readonly op: number;
      readonly at: string;
    }[];
  })[];
}
/** POST /v1/targets/:name/copies/:id/end */
export interface CopyEnded extends Envelope<'sluice.copy_end/v1'>, CopiedColumn {
  readonly target: string;
}
/** POST /v1/sessions/:id/hold, POST /v1/sessions/:id/release */
export interface SessionHold extends Envelope<'sluice.session_hold/v1'> {
  readonly session_id: string;
  readonly held: boolean;
}
/** GET /v1/sessions/verify, GET /v1/sessions/:id/verify. `ok` says that the question was answered; `valid` is the answer. */
export interface VerifyDocument extends Envelope<'sluice.verify/v1'> {
  readonly valid: boolean;
  readonly sessions: readonly {
    readonly id: string;
    readonly valid: boolean;
    readonly records: number;
    readonly problem: { readonly record: number; readonly byte: number; readonly message: string } | null;
  }[];
  readonly ledger: {
    readonly valid: boolean;
    readonly entries: number;
    readonly problem: string | null;
    /** What is no proof of a change and yet is to be known. */
    readonly notice: string | null;
  };
}
/** GET /v1/keys */
export interface KeyList extends Envelope<'sluice.keys/v1'> {
  readonly keys: readonly {
    readonly id: string;
    readonly algorithm: 'Ed25519';
    readonly public_key_pem: string;
    readonly state: string;
  }[];
}

/** A bundle's files: path to text. */
export type BundleFiles = Readonly<Record<string, string>>;
/** POST /v1/policy/check */
export interface PolicyCheck extends Envelope<'sluice.policy_check/v1'> {
  readonly valid: boolean;
  readonly problems: readonly {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly severity: 'error' | 'warning';
    readonly message: string;
    readonly hint: string | null;
  }[];
}
/** POST /v1/policy/explain, the body. */
export interface ExplainBody {
  readonly target: string;
  readonly text: string;
  readonly parameters?: readonly (string | null)[];
  readonly reason?: string;
  readonly as?: null;
}
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };
/** `sluice.explain/v1` */
export interface PolicyExplanation extends Envelope<'sluice.explain/v1'> {
  readonly verdict: 'allow' | 'hold' | 'deny';
  readonly message: string;
  readonly effects: readonly {
    readonly action: string;
    readonly resource: string;
    readonly facts: Readonly<Record<string, JsonValue>>;
    readonly verdict: Verdict;
    readonly message: string;
    readonly policies: readonly string[];
    readonly determining: readonly {
      readonly id: string;
      readonly effect: 'permit' | 'forbid';
      readonly message: string | null;
      readonly approvals: readonly { readonly group: string; readonly count: number }[];
      readonly file: string;
      readonly line: number;
    }[];
  }[];
  readonly policies: readonly string[];
  readonly changes: readonly {
    readonly change: 'approval' | 'group' | 'reason' | 'mfa';
    readonly value: string;
    readonly verdict: Verdict;
  }[];
  readonly masked_columns: readonly string[];
  readonly policy_version: string;
  /** Of a past operation: what was recorded of it. */
  readonly recorded: {
    readonly session_id: string;
    readonly op: number;
    readonly at: string;
    readonly user: string;
    readonly target: string;
    readonly text: string;
    readonly effects: readonly string[];
    readonly verdict: Verdict;
    readonly policies: readonly string[];
    readonly message: string;
    readonly policy_version: string;
    readonly exact: boolean;
  } | null;
}
type Verdict = 'allow' | 'hold' | 'deny';
/** GET /v1/signals, the query. */
export interface SignalFilter {
  readonly kind?: string;
  readonly severity?: string;
  readonly user?: string;
  readonly since?: string;
  readonly limit?: string;
}
/** GET /v1/signals */
export interface SignalList extends Envelope<'sluice.signals/v1'> {
  readonly signals: readonly {
    readonly id: string;
    readonly kind: string;
    readonly severity: 'low' | 'medium' | 'high';
    readonly at: string;
    readonly user: string;
    readonly target: string | null;
    readonly summary: string;
    readonly evidence: readonly {
      readonly at: string;
      readonly event: string;
      readonly session_id: string | null;
      readonly op: number | null;
      readonly object: string | null;
    }[];
  }[];
}
/** POST /v1/policy/replay, the body. */
export interface ReplayBody {
  readonly files: BundleFiles;
  readonly since: string;
  readonly target?: string;
  readonly user?: string;
}
/** POST /v1/policy/replay */
export interface PolicyReplay extends Envelope<'sluice.policy_replay/v1'> {
  readonly version: string;
  readonly since: string;
  readonly sessions: number;
  readonly operations: number;
  readonly skipped: number;
  readonly approximate: number;
  readonly changed_since: number;
  readonly changed: number;
  readonly shadowed: number;
  readonly truncated: boolean;
  readonly classification_differs: boolean;
  readonly differences: readonly {
    readonly count: number;
    readonly user: string;
    readonly target: string;
    readonly text: string;
    readonly recorded: Verdict;
    readonly in_force: Verdict;
    readonly replayed: Verdict;
    readonly policies: readonly string[];
    readonly message: string;
    readonly shadow: boolean;
    readonly approximate: boolean;
    readonly session_id: string;
    readonly op: number;
  }[];
}
/** GET /v1/secrets; values never leave the vault. PUT and DELETE answer with the list after the change. */
export interface SecretList extends Envelope<'sluice.secrets/v1'> {
  readonly secrets: readonly { readonly name: string; readonly updated_at: string; readonly updated_by: string }[];
}
