import { CborError, type CborWriter } from './cbor.js';
import type { DecisionEvent, OpenEvent, SessionEvent } from './events.js';
import { Fields } from './fields.js';
import {
  recordCodes,
  type BindingRecord,
  type CheckpointRecord,
  type EncryptedRecord,
  type GroupRecord,
  type JournalRecord,
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

/** Decodes a journal record's body. Fields that a later version appends are ignored; anything else odd throws CborError. */
export function decodeRecord(body: Uint8Array): JournalRecord {
  const fields = Fields.of(body);
  const code = fields.integer();
  if (code === recordCodes.checkpoint) return decodeCheckpoint(fields);
  if (code === recordCodes.binding) {
    return {
      type: 'binding',
      at: fields.integer(),
      version: fields.integer(),
      session: fields.text(),
      gateway: fields.text(),
      key: fields.text(),
    };
  }
  if (code === recordCodes.encrypted) {
    return { type: 'encrypted', at: fields.integer(), code: fields.integer(), box: fields.bytes() };
  }
  if (code === recordCodes.recipients) {
    return {
      type: 'recipients',
      at: fields.integer(),
      keys: fields.list((key) => ({ recipient: key.text(), ephemeral: key.bytes(), wrapped: key.bytes() })),
    };
  }
  if (code === recordCodes.operationGroup || code === recordCodes.eventGroup) return decodeGroup(code, fields);
  return decodeEvent(code, fields) ?? { type: 'unknown', code };
}

/** Bodies as byte strings, each of an event that happens between opening and end. */
function decodeGroup(code: number, fields: Fields): GroupRecord {
  const at = fields.integer();
  const events: SessionEvent[] = [];
  while (!fields.isAtEnd) {
    const inner = Fields.of(fields.bytes());
    const event = decodeEvent(inner.integer(), inner);
    // What a later version has added is left out here as it is alone.
    if (event === null) continue;
    if (event.type === 'open' || event.type === 'end') throw new CborError(`${event.type} is in a record of its own`);
    const isFirst = events.length === 0 && code === recordCodes.operationGroup;
    if ((event.type === 'operation') !== isFirst) throw new CborError('an operation begins a record, and only there');
    events.push(event);
  }
  return { type: 'group', at, events };
}

/** Reads a checkpoint after its code. */
export function decodeCheckpoint(fields: Fields): CheckpointRecord {
  // Nothing may be added to a signature: what follows the signed fields would not be signed.
  if (fields.count !== 5) throw new CborError('a signature has five fields');
  return {
    type: 'checkpoint',
    at: fields.integer(),
    count: fields.integer(),
    head: fields.bytes(),
    signature: fields.bytes(),
  };
}

function decodeOpen(fields: Fields): OpenEvent {
  const at = fields.integer();
  const session = fields.text();
  const identity = fields.fields();
  const client = fields.fields();
  const target = fields.fields();
  return {
    type: 'open',
    at,
    session,
    identity: {
      subject: identity.text(),
      name: identity.text(),
      kind: identity.oneOf(['human', 'machine']),
      issuer: identity.text(),
      groups: identity.texts(),
      ...(identity.count > 5 ? { onBehalfOf: { subject: identity.text(), name: identity.text() } } : {}),
    },
    client: {
      address: client.text(),
      application: client.text(),
      via: client.oneOf(['tunnel', 'listener', 'exec']),
    },
    target: { name: target.text(), kind: target.text(), labels: pairs(target.texts()) },
    mode: fields.oneOf(['strict', 'durable', 'off']),
    policyVersion: fields.text(),
    reason: fields.textOrNull(),
    ...(fields.count > 9 ? { meta: pairs(fields.texts()) } : {}),
  };
}

function pairs(flat: readonly string[]): Record<string, string> {
  const entries: [string, string][] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) entries.push([flat[index] ?? '', flat[index + 1] ?? '']);
  return Object.fromEntries(entries);
}

function decodeEvent(code: number, fields: Fields): SessionEvent | null {
  switch (code) {
    case recordCodes.open:
      return decodeOpen(fields);
    case recordCodes.operation:
      return {
        type: 'operation',
        at: fields.integer(),
        op: fields.integer(),
        kind: fields.text(),
        text: fields.text(),
        parameters: fields.textsOrNulls(),
        effects: fields.texts(),
        fault: fields.textOrNull(),
      };
    case recordCodes.decision:
      return decisionOf(fields);
    case recordCodes.approval:
      return {
        type: 'approval',
        at: fields.integer(),
        op: fields.integer(),
        request: fields.text(),
        state: fields.oneOf(['approved', 'denied', 'expired', 'cancelled', 'executed']),
        by: fields.list((vote) => ({ name: vote.text(), comment: vote.text() })),
      };
    case recordCodes.columns:
      return {
        type: 'columns',
        at: fields.integer(),
        op: fields.integer(),
        columns: fields.list((column) => ({
          name: column.text(),
          typeOid: column.integer(),
          format: column.integer() === 1 ? 1 : 0,
          masked: column.boolean(),
        })),
      };
    case recordCodes.rows:
      return {
        type: 'rows',
        at: fields.integer(),
        op: fields.integer(),
        count: fields.integer(),
        data: fields.bytes(),
      };
    case recordCodes.result:
      return {
        type: 'result',
        at: fields.integer(),
        op: fields.integer(),
        tag: fields.text(),
        rowCount: fields.integer(),
        byteCount: fields.integer(),
        truncated: fields.boolean(),
        digest: fields.text(),
      };
    case recordCodes.error:
      return {
        type: 'error',
        at: fields.integer(),
        op: fields.integerOrNull(),
        decider: fields.oneOf(['gateway', 'target', 'network']),
        code: fields.text(),
        message: fields.text(),
      };
    case recordCodes.notice:
      return {
        type: 'notice',
        at: fields.integer(),
        op: fields.integerOrNull(),
        code: fields.text(),
        message: fields.text(),
      };
    case recordCodes.terminal:
      return {
        type: 'terminal',
        at: fields.integer(),
        stream: fields.oneOf(['o', 'i', 'r']),
        data: fields.bytes(),
        op: fields.isAtEnd ? 0 : fields.integer(),
      };
    case recordCodes.file:
      return {
        type: 'file',
        at: fields.integer(),
        op: fields.integer(),
        direction: fields.oneOf(['download', 'upload']),
        data: fields.bytes(),
      };
    case recordCodes.end:
      return {
        type: 'end',
        at: fields.integer(),
        reason: fields.oneOf([
          'client closed',
          'target closed',
          'ended by gateway',
          'interrupted',
          'recorder failed',
          'revoked',
        ]),
        detail: fields.text(),
      };
    default:
      return null;
  }
}

const verdicts = ['allow', 'deny', 'hold'] as const;

/** The ninth field, what shadow policies would have decided, stands only where there is one. */
function decisionOf(fields: Fields): DecisionEvent {
  const hasShadow = fields.count > 8;
  const decision: DecisionEvent = {
    type: 'decision',
    at: fields.integer(),
    op: fields.integer(),
    verdict: fields.oneOf(verdicts),
    policies: fields.texts(),
    message: fields.text(),
    policyVersion: fields.text(),
    request: fields.textOrNull(),
  };
  if (!hasShadow) return decision;
  const shadow = fields.fields();
  return { ...decision, shadow: { verdict: shadow.oneOf(verdicts), policies: shadow.texts() } };
}
