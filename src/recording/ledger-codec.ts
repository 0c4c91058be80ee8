import type { CborWriter } from './cbor.js';
import { decodeCheckpoint } from './event-decoder.js';
import { Fields } from './fields.js';
import { recordCodes, type LedgerEntry, type LedgerRecord } from './records.js';

function start(out: CborWriter, fields: number, code: number, at: number): void {
  out.array(fields);
  out.integer(code);
  out.integer(Math.trunc(at));
}

function bytesOrNull(out: CborWriter, value: Uint8Array | null): void {
  if (value === null) out.null();
  else out.bytes(value);
}

/** Appends the body of a ledger entry. docs/recording-format.md */
export function encodeLedgerEntry(out: CborWriter, entry: LedgerEntry): void {
  switch (entry.type) {
    case 'gateway started':
      start(out, 5, recordCodes.gatewayStarted, entry.at);
      out.integer(entry.version);
      out.text(entry.gateway);
      out.text(entry.key);
      return;
    case 'session opened':
      start(out, 7, recordCodes.sessionOpened, entry.at);
      out.text(entry.session);
      out.textOrNull(entry.path);
      bytesOrNull(out, entry.firstHash);
      out.text(entry.target);
      out.text(entry.user);
      return;
    case 'session closed':
      start(out, 6, recordCodes.sessionClosed, entry.at);
      out.text(entry.session);
      out.integer(entry.records);
      bytesOrNull(out, entry.head);
      out.text(entry.reason);
      return;
    case 'gateway stopped':
      start(out, 2, recordCodes.gatewayStopped, entry.at);
      return;
    case 'key introduced':
      start(out, 4, recordCodes.keyIntroduced, entry.at);
      out.text(entry.key);
      out.bytes(entry.spki);
      return;
    case 'session held':
    case 'session released':
      start(out, 5, entry.type === 'session held' ? recordCodes.sessionHeld : recordCodes.sessionReleased, entry.at);
      out.text(entry.session);
      out.text(entry.by);
      out.text(entry.reason);
      return;
    case 'session deleted':
      start(out, 6, recordCodes.sessionDeleted, entry.at);
      out.text(entry.session);
      out.integer(entry.records);
      bytesOrNull(out, entry.head);
      out.text(entry.reason);
      return;
  }
}

export function decodeLedgerRecord(body: Uint8Array): LedgerRecord {
  const fields = Fields.of(body);
  const code = fields.integer();
  switch (code) {
    case recordCodes.checkpoint:
      return decodeCheckpoint(fields);
    case recordCodes.gatewayStarted:
      return {
        type: 'gateway started',
        at: fields.integer(),
        version: fields.integer(),
        gateway: fields.text(),
        key: fields.text(),
      };
    case recordCodes.sessionOpened:
      return {
        type: 'session opened',
        at: fields.integer(),
        session: fields.text(),
        path: fields.textOrNull(),
        firstHash: fields.bytesOrNull(),
        target: fields.text(),
        user: fields.text(),
      };
    case recordCodes.sessionClosed:
      return {
        type: 'session closed',
        at: fields.integer(),
        session: fields.text(),
        records: fields.integer(),
        head: fields.bytesOrNull(),
        reason: fields.text(),
      };
    case recordCodes.gatewayStopped:
      return { type: 'gateway stopped', at: fields.integer() };
    case recordCodes.keyIntroduced:
      return { type: 'key introduced', at: fields.integer(), key: fields.text(), spki: fields.bytes() };
    case recordCodes.sessionHeld:
    case recordCodes.sessionReleased:
      return {
        type: code === recordCodes.sessionHeld ? 'session held' : 'session released',
        at: fields.integer(),
        session: fields.text(),
        by: fields.text(),
        reason: fields.text(),
      };
    case recordCodes.sessionDeleted:
      return {
        type: 'session deleted',
        at: fields.integer(),
        session: fields.text(),
        records: fields.integer(),
        head: fields.bytesOrNull(),
        reason: fields.text(),
      };
    default:
      return { type: 'unknown', code };
  }
}
