import type { Envelope, ErrorDocument } from './api-types.js';

/** POST /v1/exec, the body. */
export interface ExecBody {
  readonly target: string;
  readonly text: string;
  readonly parameters?: readonly (string | null)[];
  readonly limit?: number;
  readonly max_bytes?: number;
  readonly reason?: string;
  /** The program that asks; the command line where nothing is said. */
  readonly application?: string;
  readonly wait?: boolean;
  readonly timeout_ms?: number;
  readonly request_id?: string;
  readonly read_only?: boolean;
  readonly dry_run?: boolean;
  readonly cursor?: boolean;
  readonly meta?: Readonly<Record<string, string>>;
  readonly idempotency_key?: string;
}
/** POST /v1/exec/fetch, the body. */
export interface FetchBody {
  readonly cursor: string;
  readonly limit?: number;
  readonly max_bytes?: number;
  readonly timeout_ms?: number;
}
/** `sluice.exec/v1`: rows as text, null for SQL NULL. */
export interface ExecResult extends Envelope<'sluice.exec/v1'> {
  readonly session_id: string;
  readonly target: string;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly (string | null)[])[];
  readonly row_count: number;
  readonly truncated: boolean;
  /** Of a command on a machine; null for SQL, and where a gateway before 0.2 answers. */
  readonly exit_code?: number | null;
  readonly stdout?: string | null;
  readonly stderr?: string | null;
  readonly next_cursor: string | null;
  readonly masked_columns: readonly string[];
  readonly duration_ms: number;
  readonly request_id: string | null;
  /** The outcome of an earlier call with the same idempotency key. */
  readonly replayed: boolean;
}
/** One line of an exec answer that is streamed. */
export type ExecStreamLine =
  | {
      readonly type: 'columns';
      readonly columns: ExecResult['columns'];
      readonly masked_columns: readonly string[];
    }
  | { readonly type: 'rows'; readonly rows: ExecResult['rows'] }
  | { readonly type: 'end'; readonly result: ExecResult }
  | { readonly type: 'error'; readonly error: ErrorDocument['error'] };
