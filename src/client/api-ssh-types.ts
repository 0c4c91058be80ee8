import type { Envelope } from './api-types.js';

/** `sluice.ssh/v1` */
export interface SshDocument extends Envelope<'sluice.ssh/v1'> {
  /** As known_hosts has it: "ssh-ed25519 AAAA…". */
  readonly host_key: string;
  readonly host_key_fingerprint: string;
  /** Of the native listener; null where there is none. */
  readonly port: number | null;
}

/** `sluice.ssh_certificate/v1` */
export interface SshCertificateDocument extends Envelope<'sluice.ssh_certificate/v1'> {
  /** In one line, as OpenSSH reads it from a file. */
  readonly certificate: string;
  readonly valid_after: string;
  readonly valid_before: string;
}

/** `sluice.ssh_keys/v1`: the caller's own keys for the native SSH listener, after what was done. */
export interface SshKeyList extends Envelope<'sluice.ssh_keys/v1'> {
  /** What the key signs, and under which namespace (`ssh-keygen -Y sign -n`), to be registered. */
  readonly statement: string;
  readonly namespace: string;
  readonly seen_within_minutes: number | null;
  readonly keys: readonly {
    readonly id: string;
    readonly fingerprint: string;
    readonly public_key: string;
    readonly label: string;
    readonly added_at: string;
    readonly expires_at: string | null;
    readonly used_at: string | null;
  }[];
}
/** A key to register, with what proves that one has it. */
export interface SshKeyOrder {
  readonly public_key: string;
  readonly proof: string;
  readonly label: string;
  readonly expires_at: string | null;
}
