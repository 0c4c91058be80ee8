import type { AuditEvent } from './audit-event.js';
import { Recent } from './recent.js';
import type { OpenSession, Signal, SignalDraft } from './signal.js';
import type { SavedWindow } from './store.js';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

export const limits = {
  refusals: { windowMs: 10 * minuteMs, medium: 5, high: 20 },
  reveals: { windowMs: hourMs, columns: 5, classes: 3 },
  quiet: { openMs: 4 * hourMs, idleMs: 2 * hourMs },
} as const;
/** No rule looks back further. */
export const longestWindowMs = hourMs;

const settingActs = new Set(['bundle.apply', 'bundle.rollback', 'secret.set', 'secret.remove', 'key.rotate']);
const settingRoutes = /^(?:POST|PUT|DELETE) \/v1\/(?:bundle|secrets|keys)/;
const serverControl = /^(?:alterSystem|loadLibrary|replicate|copyProgram) on /;

/** The rules over audit events. Each keeps what it needs of the recent past, in memory and, now and then, in the store. */
export class SignalRules {
  readonly #refusals = new Recent();
  readonly #reveals = new Recent();
  readonly #tampering = new Recent();
  readonly #windows = { refusals: this.#refusals, reveals: this.#reveals, tampering: this.#tampering } as const;
  readonly #quiet = new Set<string>();

  /** What the rules remember that has changed since the last call. */
  takeChanged(): readonly SavedWindow[] {
    return Object.entries(this.#windows).flatMap(([rule, recent]) => recent.takeChanged(rule));
  }

  /** Takes back what was remembered before a restart. */
  restore(window: SavedWindow): void {
    if (window.rule === 'refusals' || window.rule === 'reveals' || window.rule === 'tampering')
      this.#windows[window.rule].restore(window);
  }

  /** What this event brings to light; usually nothing. */
  observe(event: AuditEvent): readonly SignalDraft[] {
    if (event.event === 'session.ended' && event.session !== null) this.#quiet.delete(event.session);
    if (event.actor === null || event.actor.kind === 'gateway') return [];
    const identity = { id: event.actor.id, name: event.actor.name };
    return [
      this.#repeatedRefusal(event, identity),
      this.#gatewayTampering(event, identity),
      this.#unusualReveal(event, identity),
    ].filter((signal) => signal !== null);
  }

  /** Sessions that have been open for long and do nothing: a foothold, or somebody who forgot. Each is told of once. */
  sweep(open: readonly OpenSession[], nowMs: number): readonly SignalDraft[] {
    return open
      .filter(({ id, startedAt, lastOperationAt }) => {
        const isQuiet =
          nowMs - startedAt >= limits.quiet.openMs &&
          nowMs - Math.max(startedAt, lastOperationAt) >= limits.quiet.idleMs;
        // What wakes up and falls asleep again is told of again.
        if (!isQuiet) this.#quiet.delete(id);
        return isQuiet && !this.#quiet.has(id);
      })
      .map(({ id, identity, target, startedAt, lastOperationAt }): SignalDraft => {
        this.#quiet.add(id);
        const hours = Math.floor((nowMs - startedAt) / hourMs);
        const at = new Date(Math.max(startedAt, lastOperationAt)).toISOString();
        return {
          ...{ kind: 'quiet-session', severity: 'low', identity, target },
          summary: `a session on ${target} has been open for ${hours} hours and does nothing`,
          evidence: [{ at, event: 'session.live', session: id, op: null, object: null }],
        };
      });
  }

  #repeatedRefusal(event: AuditEvent, identity: Signal['identity']): SignalDraft | null {
    if (event.event !== 'operation.denied') return null;
    const { windowMs, medium, high } = limits.refusals;
    const { effects, policies, text } = event.detail;
    // What has no effects could not be read: of such only the same text is the same operation, or any five slips of the
    // fingers would be one story.
    const unread = Array.isArray(effects) && effects.length === 0 ? text : null;
    const key = JSON.stringify([identity.id, event.target, effects, policies, unread]);
    const { evidence, count } = this.#refusals.add(key, event, windowMs);
    if (count !== medium && count !== high) return null;
    const what =
      Array.isArray(effects) && typeof effects[0] === 'string' ? withoutWords(effects[0]) : 'the same operation';
    return {
      ...{ kind: 'repeated-refusal', severity: count >= high ? 'high' : 'medium', identity, target: event.target },
      summary: `${count} refusals of ${what} within ${windowMs / minuteMs} minutes`,
      evidence,
    };
  }

  #gatewayTampering(event: AuditEvent, identity: Signal['identity']): SignalDraft | null {
    const isRefused = event.outcome === 'refused' || event.outcome === 'failed';
    const onGateway =
      (event.event === 'api.refused' && settingRoutes.test(event.object ?? '')) ||
      (isRefused && settingActs.has(event.event));
    const { effects } = event.detail;
    const onServer =
      event.event === 'operation.denied' &&
      Array.isArray(effects) &&
      effects.some((effect) => typeof effect === 'string' && serverControl.test(effect));
    if (!onGateway && !onServer) return null;
    const { evidence, count } = this.#tampering.add(`${identity.id} ${onGateway}`, event, hourMs);
    // The first, and then every tenth: a script that tries on is one story.
    if (count !== 1 && count % 10 !== 0) return null;
    const what = onGateway ? `the gateway (${event.object ?? event.event})` : 'the target’s server';
    return {
      ...{ kind: 'gateway-tampering', severity: onGateway ? 'high' : 'medium', identity, target: event.target },
      summary: `a refused attempt to reconfigure ${what}`,
      evidence,
    };
  }

  #unusualReveal(event: AuditEvent, identity: Signal['identity']): SignalDraft | null {
    if (event.event !== 'reveal.used') return null;
    const { windowMs, columns, classes } = limits.reveals;
    const seen = this.#reveals.add(identity.id, event, windowMs);
    const distinct = (name: 'column' | 'class'): number => new Set(seen.events.map((noted) => noted[name])).size;
    const [seenColumns, seenClasses] = [distinct('column'), distinct('class')];
    if ((seenColumns < columns && seenClasses < classes) || seen.isTold) return null;
    seen.tell();
    return {
      ...{ kind: 'unusual-reveal', severity: 'medium', identity, target: event.target },
      summary: `${seenColumns} protected columns of ${seenClasses} classes were shown in clear within an hour`,
      evidence: seen.evidence,
    };
  }
}

/** An effect's parentheses hold a command or a destination as it was given, which may hold a secret. */
function withoutWords(effect: string): string {
  return effect.replace(/ \(.*$/s, '');
}
