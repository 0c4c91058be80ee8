import type { Duplex } from 'node:stream';
import type { ApprovalRequest } from '../approvals/types.js';
import type { SluiceError } from '../lib/errors.js';
import type { CommandSettings } from '../policy/command-target.js';
import type { SshSettings } from '../policy/ssh-target.js';
import type { Principal, TargetRef } from '../policy/types.js';
import type { RecordingMode } from '../recording/events.js';
import type { Classification } from '../masking/types.js';

/** How to reach a target; the secret is read at dial and never kept. */
export interface TargetConfig extends TargetRef {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly tls: { readonly mode: 'disable' | 'require' | 'verify-full'; readonly ca: string | null };
  readonly username: string;
  readonly recording: RecordingMode;
  /** Of targets of kind ssh, and only of those. */
  readonly ssh?: SshSettings;
  /** Of targets of kind command, and only of those: what is run, here or by the relay. */
  readonly command?: CommandSettings;
  /** Of targets that a relay connects to: every connection is asked of it. Absent: the gateway connects itself. */
  readonly relay?: RelayRoute;
  readonly readSecret: () => Promise<string>;
}

/** The way to a target through a relay, which passes bytes on, or runs the program that a command target is. */
export interface RelayRoute {
  readonly name: string;
  /** Rejects with the error to show; a stream that ends with the relay has such an error in `errored`. */
  connect(signal: AbortSignal): Promise<Duplex>;
}

/** Where a connection came from. */
export interface ClientOrigin {
  readonly address: string;
  readonly via: 'tunnel' | 'listener' | 'exec';
  /** SCRAM-SHA-256 verifier ("SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey") of the tunnel's password, or null. */
  readonly passwordVerifier: string | null;
  readonly reason: string | null;
  /** `exec --request ID`: an approved request that this connection may use once. */
  readonly approvedRequest: string | null;
  /** `exec --no-wait`: a held operation fails at once with the request's id instead of waiting. */
  readonly waitForApproval: boolean;
  /** What the caller wants to find the session by; recorded as given. */
  readonly meta?: Readonly<Record<string, string>>;
}

/** What `exec` wants to hear from the engine that serves it; every call happens before the client sees the effect. */
export interface SessionObserver {
  /** `gaveOut` takes how many rows its caller has been given in all, where that is not what was read for them. */
  session?(id: string, gaveOut: (rows: number) => void): void;
  /** A held operation: its request has been opened. */
  held?(request: ApprovalRequest): void;
  /** An operation will be forwarded to run; `reading` when nothing in it changes anything. */
  allowed?(reading: boolean): void;
  /** The operation was refused by the gateway (policy, parser, closed request…). */
  refused?(error: SluiceError): void;
  /** A result whose columns with these names are masked. */
  masked?(columns: readonly string[]): void;
}

/** One authenticated connection to one target, ready for its engine. */
export interface IncomingConnection {
  readonly stream: Duplex;
  readonly principal: Principal;
  readonly target: TargetConfig;
  readonly classification: Classification;
  readonly origin: ClientOrigin;
  /** Only reading is accepted, whatever policy permits: judged by the gate and enforced by a READ ONLY session. */
  readonly readOnly?: boolean;
  /** After this long the target itself stops a statement, should the gateway be unable to. */
  readonly statementTimeoutMs?: number;
  readonly observer?: SessionObserver;
}
