import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { AuditEvent } from './audit-event.js';
import type { Evidence } from './signal.js';
import type { SavedWindow } from './store.js';

const maxEvidence = 20;
/** Things are forgotten, longest unseen first, beyond so many. */
const maxKnown = 10_000;

/** What is kept of an event: where to look, and for reveals of what. Never a text. */
const notedSchema = z.object({
  ...{ at: z.string(), event: z.string(), session: z.string().nullable(), op: z.number().nullable() },
  ...{ object: z.string().nullable(), column: z.string().nullable(), class: z.string().nullable() },
});
const seenSchema = z.object({ events: z.array(notedSchema), count: z.int(), isTold: z.boolean() });

type Noted = z.infer<typeof notedSchema>;
interface Seen {
  events: Noted[];
  /** How many there were in a row, also those no longer kept. */
  count: number;
  isTold: boolean;
}

/** Events of the last while, by what they have in common. A window that has passed in silence starts anew. */
export class Recent {
  readonly #known = new Map<string, Seen>();
  #changed = new Set<string>();

  add(what: string, event: AuditEvent, windowMs: number) {
    // Hashed: what they have in common may hold a command as it was given, which is not for keeping.
    const key = createHash('sha256').update(what).digest('base64url');
    const at = Date.parse(event.at);
    const known = this.#known.get(key);
    const fresh = known?.events.filter((one) => at - Date.parse(one.at) < windowMs) ?? [];
    const seen: Seen =
      known === undefined || fresh.length === 0 ? { events: [], count: 0, isTold: false } : { ...known, events: fresh };
    seen.events = [...seen.events, notedOf(event)].slice(-maxEvidence);
    // Counted are those of the window; where it holds more than are kept, those in a row.
    seen.count = fresh.length < maxEvidence - 1 ? seen.events.length : seen.count + 1;
    this.#put(key, seen);
    this.#changed.add(key);
    return {
      ...{ events: seen.events, count: seen.count, isTold: seen.isTold },
      evidence: seen.events.map(({ column: _column, class: _class, ...evidence }): Evidence => evidence),
      tell: () => (seen.isTold = true),
    };
  }

  /** What was added to since the last call. */
  takeChanged(rule: string): readonly SavedWindow[] {
    const changed = this.#changed;
    this.#changed = new Set();
    return [...changed].flatMap((key) => {
      const seen = this.#known.get(key);
      if (seen === undefined) return [];
      return [{ rule, key, at: Date.parse(seen.events.at(-1)?.at ?? ''), body: JSON.stringify(seen) }];
    });
  }

  restore({ key, body }: SavedWindow): void {
    this.#put(key, seenSchema.parse(JSON.parse(body)));
  }

  #put(key: string, seen: Seen): void {
    this.#known.delete(key);
    this.#known.set(key, seen);
    const oldest = this.#known.size > maxKnown ? this.#known.keys().next() : null;
    if (oldest?.done === false) this.#known.delete(oldest.value);
  }
}

function notedOf({ at, event, session, op, object, detail }: AuditEvent): Noted {
  const { column, class: name } = detail;
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return { at, event, session, op, object, column: text(column), class: text(name) };
}
