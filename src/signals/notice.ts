import type { AuditEvent } from './audit-event.js';

/** What is told to people outside of the gateway: who, what kind of thing, where to look. Never a text that was run. */
export interface Notice {
  /** The event's number at this gateway: a receiver that has seen it may drop it. */
  readonly sequence: number;
  readonly event: string;
  readonly at: string;
  readonly severity: AuditEvent['severity'];
  readonly user: string | null;
  readonly target: string | null;
  readonly summary: string;
  readonly effects: readonly string[];
  readonly policies: readonly string[];
  readonly request_id: string | null;
  readonly session_id: string | null;
  readonly op: number | null;
  /** The command that shows more. */
  readonly look: string | null;
}

type SpooledEvent = AuditEvent & { readonly sequence: number };

const maxNamed = 10;

/**
 * The notice of an audit event. Statements, parameters, reasons and comments stay behind: they may hold a value that is
 * protected, or a secret somebody pasted. So do messages, except those that a policy or a rule wrote.
 */
export function noticeOf(event: SpooledEvent): Notice {
  const { detail, actor, target, session, op, object } = event;
  const policies = names(detail['policies']);
  // An effect's parentheses hold a command or a destination as it was given.
  const effects = names(detail['effects']).map((effect) => effect.replace(/ \(.*$/s, ''));
  const request = text(detail['request_id']) ?? (object?.startsWith('req_') === true ? object : null);
  return {
    ...{ sequence: event.sequence, event: event.event, at: event.at, severity: event.severity },
    ...{ user: actor?.name ?? null, target, effects, policies },
    summary: summaryOf(event, effects),
    ...{ request_id: request, session_id: session, op },
    look: lookAt(event, request),
  };
}

function summaryOf({ event, detail, actor, target, object }: SpooledEvent, effects: readonly string[]): string {
  const who = `${actor?.name ?? 'someone'}${target === null ? '' : ` on ${target}`}`;
  const what =
    effects.length === 0 ? '' : `: ${effects[0]}${effects.length > 1 ? ` and ${effects.length - 1} more` : ''}`;
  switch (event) {
    case 'operation.held':
      return `${who} waits for approval${what}`;
    case 'operation.denied':
      return `${who} was refused${what}`;
    case 'signal.raised':
      return `${text(detail['kind']) ?? 'signal'}: ${who}: ${text(detail['summary']) ?? ''}`;
    default:
      return `${event}: ${who}${object?.match(/^[a-z]{3}_\w+$/) ? ` (${object})` : ''}`;
  }
}

function lookAt({ session, object, event, op }: SpooledEvent, request: string | null): string | null {
  if (request !== null) return `sluice requests show ${request}`;
  if (session !== null && op !== null) return `sluice policy explain --session ${session} --op ${op}`;
  if (session !== null) return `sluice sessions show ${session}`;
  return event === 'signal.raised' && object !== null ? 'sluice signals list' : null;
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function names(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string').slice(0, maxNamed) : [];
}
