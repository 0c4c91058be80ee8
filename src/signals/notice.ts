import type { AuditEvent } from './audit-event.js';
import { markLookAlikes } from '../lib/look-alikes.js';
import { summaryOf } from './notice-summary.js';
import { sqlShape } from './sql-shape.js';

/** What is told to people outside of the gateway: who, what kind of thing, where to look. Never a value. */
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
  /** What was run, without its literals and with what detectors find masked; null where not asked for or not sure. */
  readonly statement: string | null;
  readonly request_id: string | null;
  readonly session_id: string | null;
  readonly op: number | null;
  /** The command that shows more. */
  readonly look: string | null;
  /** A page that shows more, where one is configured. */
  readonly link: string | null;
}

export type SpooledEvent = AuditEvent & { readonly sequence: number };

export interface Wording {
  /** Masks what the detectors find; null: statements are not told at all. */
  readonly mask: ((text: string) => string) | null;
}

const maxNamed = 10;
/** Ways in which SQL arrives; what goes to machines and files is never told. */
const sqlKinds: ReadonlySet<unknown> = new Set(['query', 'parse', 'execute', 'fetch', 'copy']);

/**
 * The notice of an audit event. Parameters, reasons and comments stay behind: they may hold a value that is protected, or a
 * secret somebody pasted. So do messages, except those that a policy or a rule wrote.
 */
export function noticeOf(event: SpooledEvent, { mask }: Wording): Notice {
  const { detail, actor, session, op, object } = event;
  const target = event.target ?? text(detail['target']) ?? text(detail['group']);
  const policies = names(detail['policies']);
  // An effect's parentheses hold a command or a destination as it was given.
  const effects = names(detail['effects']).map((effect) => markLookAlikes(effect.replace(/ \(.*$/s, '')));
  const request = text(detail['request_id']) ?? (object?.startsWith('req_') === true ? object : null);
  return {
    ...{ sequence: event.sequence, event: event.event, at: event.at, severity: event.severity },
    ...{ user: actor?.name ?? null, target, effects, policies },
    summary: summaryOf(event, { target, effects, policies, request }),
    statement: mask === null ? null : statementOf(detail, mask),
    ...{ request_id: request, session_id: session ?? text(detail['session']), op },
    look: lookAt(event, request),
    link: null,
  };
}

function statementOf(detail: AuditEvent['detail'], mask: (text: string) => string): string | null {
  const { kind, text: statement, text_truncated: isTruncated } = detail;
  if (!sqlKinds.has(kind) || typeof statement !== 'string' || isTruncated !== false) return null;
  const shape = sqlShape(statement);
  return shape === null ? null : markLookAlikes(mask(shape));
}

function lookAt({ session, object, event, op }: SpooledEvent, request: string | null): string | null {
  if (request !== null) return `sluice requests show ${request}`;
  if (session !== null && op !== null) return `sluice policy explain --session ${session} --op ${op}`;
  if (session !== null) return `sluice sessions show ${session}`;
  if (object?.startsWith('grt_') === true) return 'sluice access list --all';
  return event === 'signal.raised' && object !== null ? 'sluice signals list' : null;
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** Sessions have lists, the trail one string. */
function names(value: unknown): readonly string[] {
  const list = typeof value === 'string' && value !== '' ? value.split(', ') : Array.isArray(value) ? value : [];
  return list.filter((one) => typeof one === 'string').slice(0, maxNamed);
}
