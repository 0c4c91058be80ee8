import type { CborWriter } from './cbor.js';
import type { OpenEvent, SessionEvent } from './events.js';
import {
  type BindingRecord,
  type CheckpointRecord,
  type EncryptedRecord,
  recordCodes,
  type RecipientsRecord,
} from './records.js';

/** Starts a record's body: array head, code, time. */
function start(out: CborWriter, fields: number, code: number, at: number): void {
  out.array(fields);
  out.integer(code);
  out.integer(Math.trunc(at));
}

function encodeOpen(out: CborWriter, event: OpenEvent): void {
  const { identity, client, target } = event;
  const meta = Object.entries(event.meta ?? {}).flat();
  // Written only where there is some: sessions without stay as readers of the first release know them.
  start(out, meta.length === 0 ? 9 : 10, recordCodes.open, event.at);
  out.text(event.session);
  const { onBehalfOf = null } = identity;
  out.array(onBehalfOf === null ? 5 : 7);
  out.text(identity.subject);
  out.text(identity.name);
  out.text(identity.kind);
  out.text(identity.issuer);
  out.texts(identity.groups);
  if (onBehalfOf !== null) {
    out.text(onBehalfOf.subject);
    out.text(onBehalfOf.name);
  }
  out.array(3);
  out.text(client.address);
  out.text(client.application);
  out.text(client.via);
  out.array(3);
  out.text(target.name);
  out.text(target.kind);
  out.texts(Object.entries(target.labels).flat());
  out.text(event.mode);
  out.text(event.policyVersion);
  out.textOrNull(event.reason);
  if (meta.length > 0) out.texts(meta);
}

/** Appends the body of an event's record. The layout of each is in docs/recording-format.md. */
export function encodeEvent(out: CborWriter, event: SessionEvent): void {
  switch (event.type) {
    case 'open':
      encodeOpen(out, event);
      return;
    case 'operation':
      start(out, 8, recordCodes.operation, event.at);
      out.integer(event.op);
      out.text(event.kind);
      out.text(event.text);
      out.texts(event.parameters);
      out.texts(event.effects);
      out.textOrNull(event.fault);
      return;
    case 'decision':
      start(out, event.shadow === undefined ? 8 : 9, recordCodes.decision, event.at);
      out.integer(event.op);
      out.text(event.verdict);
      out.texts(event.policies);
      out.text(event.message);
      out.text(event.policyVersion);
      out.textOrNull(event.request);
      if (event.shadow !== undefined) {
        out.array(2);
        out.text(event.shadow.verdict);
        out.texts(event.shadow.policies);
      }
      return;
    case 'approval':
      start(out, 6, recordCodes.approval, event.at);
      out.integer(event.op);
      out.text(event.request);
      out.text(event.state);
      out.array(event.by.length);
      for (const { name, comment } of event.by) out.texts([name, comment]);
      return;
    case 'columns':
      start(out, 4, recordCodes.columns, event.at);
      out.integer(event.op);
      out.array(event.columns.length);
      for (const column of event.columns) {
        out.array(4);
        out.text(column.name);
        out.integer(column.typeOid);
        out.integer(column.format);
        out.boolean(column.masked);
      }
      return;
    case 'rows':
      start(out, 5, recordCodes.rows, event.at);
      out.integer(event.op);
      out.integer(event.count);
      out.bytes(event.data);
      return;
    case 'result':
      start(out, 8, recordCodes.result, event.at);
      out.integer(event.op);
      out.text(event.tag);
      out.integer(event.rowCount);
      out.integer(event.byteCount);
      out.boolean(event.truncated);
      out.text(event.digest);
      return;
    case 'error':
      start(out, 6, recordCodes.error, event.at);
      if (event.op === null) out.null();
      else out.integer(event.op);
      out.text(event.decider);
      out.text(event.code);
      out.text(event.message);
      return;
    case 'notice':
      start(out, 5, recordCodes.notice, event.at);
      if (event.op === null) out.null();
      else out.integer(event.op);
      out.text(event.code);
      out.text(event.message);
      return;
    case 'terminal':
      start(out, 5, recordCodes.terminal, event.at);
      out.text(event.stream);
      out.bytes(event.data);
      out.integer(event.op);
      return;
    case 'file':
      start(out, 5, recordCodes.file, event.at);
      out.integer(event.op);
      out.text(event.direction);
      out.bytes(event.data);
      return;
    case 'end':
      start(out, 4, recordCodes.end, event.at);
      out.text(event.reason);
      out.text(event.detail);
      return;
  }
}

export function encodeBinding(out: CborWriter, record: Omit<BindingRecord, 'type'>): void {
  start(out, 6, recordCodes.binding, record.at);
  out.integer(record.version);
  out.text(record.session);
  out.text(record.gateway);
  out.text(record.key);
}

export function encodeCheckpoint(out: CborWriter, record: Omit<CheckpointRecord, 'type'>): void {
  start(out, 5, recordCodes.checkpoint, record.at);
  out.integer(record.count);
  out.bytes(record.head);
  out.bytes(record.signature);
}

export function encodeRecipients(out: CborWriter, record: Omit<RecipientsRecord, 'type'>): void {
  start(out, 3, recordCodes.recipients, record.at);
  out.array(record.keys.length);
  for (const { recipient, ephemeral, wrapped } of record.keys) {
    out.array(3);
    out.text(recipient);
    out.bytes(ephemeral);
    out.bytes(wrapped);
  }
}

export function encodeEncrypted(out: CborWriter, record: Omit<EncryptedRecord, 'type'>): void {
  start(out, 4, recordCodes.encrypted, record.at);
  out.integer(record.code);
  out.bytes(record.box);
}
