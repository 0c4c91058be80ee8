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
  gatewayStarted: 16,
  sessionOpened: 17,
  sessionClosed: 18,
  gatewayStopped: 19,
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

/** Written by a later version; carried along, shown as nothing. */
export interface UnknownRecord {
  readonly type: 'unknown';
  readonly code: number;
}

export type JournalRecord = BindingRecord | CheckpointRecord | SessionEvent | UnknownRecord;

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
  | { readonly type: 'gateway stopped'; readonly at: number };
export type LedgerRecord = LedgerEntry | CheckpointRecord | UnknownRecord;
