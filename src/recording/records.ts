import type { SessionEvent } from './events.js';

/** The number that starts a record's body says what it is. Numbers are never reused. docs/recording-format.md */
export const recordCodes = {
  binding: 0,
  checkpoint: 1,
  open: 2,
  operation: 3,
  decision: 4,
  approval: 5,
  columns: 6,
  rows: 7,
  result: 8,
  error: 9,
  notice: 10,
  terminal: 11,
  end: 12,
  encrypted: 13,
  recipients: 14,
  /** Events written together, the first an operation and no other one; and those without an operation. */
  operationGroup: 15,
  gatewayStarted: 16,
  sessionOpened: 17,
  sessionClosed: 18,
  gatewayStopped: 19,
  keyIntroduced: 20,
  eventGroup: 21,
  file: 22,
  sessionHeld: 24,
  sessionReleased: 25,
  sessionDeleted: 26,
} as const;

export const formatVersion = 1;
export const journalHeader = Buffer.from('sluice journal 1\n');
export const ledgerHeader = Buffer.from('sluice ledger 1\n');
/** No record is longer; a length over this is damage, not data. */
export const maxRecordBytes = 64 * 1024 * 1024;

/** The first record of a journal: what the chain and its signatures speak of. */
export interface BindingRecord {
  readonly type: 'binding';
  readonly at: number;
  readonly version: number;
  readonly session: string;
  readonly gateway: string;
  readonly key: string;
}

/** A signature over the chain so far: `count` records, the last of which has the hash `head`. */
export interface CheckpointRecord {
  readonly type: 'checkpoint';
  readonly at: number;
  readonly count: number;
  readonly head: Uint8Array;
  readonly signature: Uint8Array;
}

/** A session's key as one recipient can open it. */
export interface WrappedKey {
  /** `age1…` */
  readonly recipient: string;
  readonly ephemeral: Uint8Array;
  readonly wrapped: Uint8Array;
}

/** Who can read what is encrypted in this journal; the third record of one that is. */
export interface RecipientsRecord {
  readonly type: 'recipients';
  readonly at: number;
  readonly keys: readonly WrappedKey[];
}

/** Another record, encrypted: its time and code stand in clear, so that all can be verified and counted without a key. */
export interface EncryptedRecord {
  readonly type: 'encrypted';
  readonly at: number;
  readonly code: number;
  /** Nonce (12 bytes), ciphertext, tag (16 bytes). */
  readonly box: Uint8Array;
}

/** Events that were written together, in the order they happened. */
export interface GroupRecord {
  readonly type: 'group';
  readonly at: number;
  readonly events: readonly SessionEvent[];
}

/** Written by a later version; carried along, shown as nothing. */
export interface UnknownRecord {
  readonly type: 'unknown';
  readonly code: number;
}

export type JournalRecord =
  BindingRecord | CheckpointRecord | RecipientsRecord | EncryptedRecord | GroupRecord | SessionEvent | UnknownRecord;

/** What happened, as a record tells it; nothing, where it is part of the journal's own frame. */
export function eventsOf(record: JournalRecord): readonly SessionEvent[] {
  switch (record.type) {
    case 'binding':
    case 'checkpoint':
    case 'recipients':
    case 'encrypted':
    case 'unknown':
      return [];
    case 'group':
      return record.events;
    default:
      return [record];
  }
}

export type LedgerEntry =
  | {
      readonly type: 'gateway started';
      readonly at: number;
      readonly version: number;
      readonly gateway: string;
      readonly key: string;
    }
  | {
      readonly type: 'session opened';
      readonly at: number;
      readonly session: string;
      /** Relative to the ledger's folder, with slashes; null in mode `off`. */
      readonly path: string | null;
      /** Chain hash of the journal's first record. */
      readonly firstHash: Uint8Array | null;
      readonly target: string;
      readonly user: string;
    }
  | {
      readonly type: 'session closed';
      readonly at: number;
      readonly session: string;
      readonly records: number;
      /** Chain hash of the journal's last record; null in mode `off` and when the journal could not be closed. */
      readonly head: Uint8Array | null;
      readonly reason: string;
    }
  | { readonly type: 'gateway stopped'; readonly at: number }
  /** The key that signs from now on vouches for the one that will sign after it. */
  | { readonly type: 'key introduced'; readonly at: number; readonly key: string; readonly spki: Uint8Array }
  /** A legal hold begins or ends: while it lasts, nothing deletes the session. */
  | {
      readonly type: 'session held' | 'session released';
      readonly at: number;
      readonly session: string;
      readonly by: string;
      readonly reason: string;
    }
  /** The tombstone of a session: what it was, as the ledger saw it closed, and why its journal is no more. */
  | {
      readonly type: 'session deleted';
      readonly at: number;
      readonly session: string;
      readonly records: number;
      readonly head: Uint8Array | null;
      readonly reason: string;
    };
export type LedgerRecord = LedgerEntry | CheckpointRecord | UnknownRecord;
