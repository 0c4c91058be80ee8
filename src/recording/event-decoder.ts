import { CborError } from './cbor.js';
import type { DecisionEvent, OpenEvent, SessionEvent } from './events.js';
import { Fields } from './fields.js';
import { type CheckpointRecord, type GroupRecord, type JournalRecord, recordCodes } from './records.js';

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
