import { FieldReader } from '../../src/protocols/postgres/frames.js';
import type { SessionEvent } from '../../src/recording/events.js';
import type { Journal } from '../support/engine.js';
import type { Heard } from '../support/postgres-peer.js';

interface Allowed {
  readonly kind: string;
  readonly text: string;
  readonly parameters: readonly (string | null)[];
}

/** Operations that a journal allows, up to so many events. */
export function allowedOperations(events: readonly SessionEvent[]): readonly Allowed[] {
  const allowed = new Set<number>();
  for (const event of events) if (event.type === 'decision' && event.verdict === 'allow') allowed.add(event.op);
  return events.flatMap((event) =>
    event.type === 'operation' && allowed.has(event.op)
      ? [{ kind: event.kind, text: event.text, parameters: event.parameters }]
      : [],
  );
}

/** Whether a Bind, read up to its formats, has a value that is not null. */
function hasValue(reader: FieldReader): boolean {
  for (let formats = reader.int16(); formats > 0; formats--) reader.int16();
  for (let values = reader.int16(); values > 0; values--) if (reader.int32() !== -1) return true;
  return false;
}

/**
 * The oracle: every byte that a server heard belongs to a message that the gateway may send, and every message that runs,
 * prepares or feeds anything stands for an operation that the journal shows as allowed, in number and in order. Returns
 * what is wrong; nothing when all is well.
 */
export function unjudged({ messages }: Heard, journal: Journal): readonly string[] {
  const wrong: string[] = [];
  const left = [...allowedOperations(journal.events)];
  const spend = (what: string, fits: (operation: Allowed) => boolean): void => {
    const at = left.findIndex(fits);
    if (at === -1) wrong.push(`${what} was not allowed`);
    else left.splice(at, 1);
  };
  const texts = new Map<string, string>();
  const portals = new Map<string, string>();
  let copies = 0;
  for (const message of messages) {
    const kind = String.fromCharCode(message[0] ?? 0);
    const reader = new FieldReader(message.subarray(5));
    if (message.readInt32BE(1) !== message.length - 1) wrong.push(`a message ${kind} of another length`);
    switch (kind) {
      case 'Q': {
        const text = reader.string();
        reader.end();
        spend(`query "${text}"`, (operation) => operation.kind === 'query' && operation.text === text);
        if (/copy .* from stdin/i.test(text)) copies++;
        break;
      }
      case 'P': {
        const name = reader.string();
        const text = reader.string();
        spend(`parse of "${text}"`, (operation) => operation.kind === 'parse' && operation.text === text);
        if (!name.startsWith('sluice_')) wrong.push(`a statement named "${name}"`);
        // Under a name that is taken it makes nothing.
        if (!texts.has(name)) texts.set(name, text);
        break;
      }
      case 'B': {
        const portal = reader.string();
        const text = texts.get(reader.string());
        if (portals.has(portal)) {
          // No name is given twice: the server is asked which error comes first. It reads no value, and runs nothing.
          if (hasValue(reader)) wrong.push(`a value for portal "${portal}", which is bound already`);
          break;
        }
        spend(`bind of "${text ?? '?'}"`, (operation) => operation.kind === 'execute' && operation.text === text);
        portals.set(portal, text ?? '');
        break;
      }
      case 'E': {
        const portal = reader.string();
        if (portal === 'sluice_refused') break;
        const text = portals.get(portal);
        if (text === undefined) wrong.push(`execute of portal "${portal}", which was never bound`);
        else if (/copy .* from stdin/i.test(text)) copies++;
        break;
      }
      case 'd':
      case 'c':
      case 'f':
        if (copies === 0) wrong.push(`copy data (${kind}) without a COPY`);
        break;
      case 'D':
      case 'C':
      case 'S':
      case 'H':
      case 'X':
        break;
      default:
        wrong.push(`a message of type ${JSON.stringify(kind)}`);
    }
  }
  return wrong;
}
