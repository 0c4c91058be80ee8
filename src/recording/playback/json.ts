import type { ColumnsEvent, SessionEvent } from '../events.js';
import { decodeRows } from './rows.js';
import type { Events } from './scenes.js';

/** An event as JSON: times RFC 3339, rows as text values, other bytes in base64. */
export type JsonEvent = Readonly<Record<string, unknown>> & { readonly type: string; readonly at: string };

/**
 * The events of a session, one JSON object each; print them with `safeJson`, which leaves nothing for a terminal to obey.
 */
export async function* renderJson(events: Events): AsyncGenerator<JsonEvent> {
  const columns = new Map<number, ColumnsEvent['columns']>();
  for await (const event of events) {
    if (event.type === 'columns') columns.set(event.op, event.columns);
    yield jsonOf(event, columns);
    if (event.type === 'result') columns.delete(event.op);
  }
}

function jsonOf(event: SessionEvent, columns: ReadonlyMap<number, ColumnsEvent['columns']>): JsonEvent {
  const at = new Date(event.at).toISOString();
  switch (event.type) {
    case 'rows': {
      const { type, op, count } = event;
      return { type, at, op, count, rows: [...decodeRows(event, columns.get(op) ?? [])] };
    }
    case 'terminal':
      return { type: event.type, at, stream: event.stream, data: Buffer.from(event.data).toString('base64') };
    case 'file': {
      const { type, op, direction } = event;
      return { type, at, op, direction, data: Buffer.from(event.data).toString('base64') };
    }
    case 'columns':
      return {
        ...{ type: event.type, at, op: event.op },
        columns: event.columns.map(({ name, typeOid, masked }) => ({ name, type_oid: typeOid, masked })),
      };
    case 'open': {
      const { type, session, identity, client, target, mode, reason, meta = {} } = event;
      const policy = { policy_version: event.policyVersion };
      return { type, at, session, identity, client, target, mode, ...policy, reason, meta };
    }
    case 'decision': {
      const { type, op, verdict, policies, message, request } = event;
      const { shadow = null, policyVersion } = event;
      return { type, at, op, verdict, policies, message, policy_version: policyVersion, request_id: request, shadow };
    }
    case 'approval': {
      const { type, op, state, by } = event;
      return { type, at, op, request_id: event.request, state, by };
    }
    case 'result': {
      const { type, op, tag, truncated, digest } = event;
      return { type, at, op, tag, row_count: event.rowCount, byte_count: event.byteCount, truncated, digest };
    }
    default:
      return { ...event, at };
  }
}
