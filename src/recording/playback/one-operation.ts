import type { SessionEvent } from '../events.js';
import type { Events } from './scenes.js';

/** Whether an event is of this operation, or of the session as a whole; null: of any. */
export function isOf(event: SessionEvent, op: number | null): boolean {
  return op === null || !('op' in event) || event.op === null || event.op === op;
}

/** One operation apart from those that ran beside it: a channel of a connection that has several. */
export async function* onlyOf(events: Events, op: number | null): AsyncGenerator<SessionEvent> {
  for await (const event of events) if (isOf(event, op)) yield event;
}
