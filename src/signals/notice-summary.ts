import type { AuditEvent } from './audit-event.js';

interface Known {
  readonly target: string | null;
  readonly effects: readonly string[];
  readonly policies: readonly string[];
  readonly request: string | null;
}

/** One sentence for people. */
export function summaryOf({ event, detail, actor, object }: AuditEvent, known: Known): string {
  const { target, effects, request } = known;
  const name = actor?.name ?? 'someone';
  const who = `${name}${target === null ? '' : ` on ${target}`}`;
  const more = effects.length > 1 ? ` and ${effects.length - 1} more` : '';
  const what = effects.length === 0 ? '' : `: ${effects[0]}${more}`;
  const by = detail['on_behalf_of_name'];
  const person = typeof by === 'string' ? `${by} (through the bot ${name})` : name;
  const its = `${request ?? 'a request'}${target === null ? '' : ` for ${target}`}`;
  switch (event) {
    case 'operation.held':
      return `${who} waits for approval${what}`;
    case 'operation.denied':
      return `${who} was refused${what}`;
    case 'signal.raised':
      return `${shown(detail['kind'], 'signal')}: ${who}: ${shown(detail['summary'], '')}`;
    case 'request.create': {
      const isAccess = known.policies.some((policy) => policy.startsWith('access:'));
      return isAccess ? `${name} asks for membership in ${target}` : `${who} asks for approval`;
    }
    case 'request.approve':
      return `${person} approved ${its}${detail['state'] === 'pending' ? '; others must too' : ''}`;
    case 'request.deny':
      return `${person} denied ${its}`;
    case 'request.expire':
      return `${its} expired: nobody decided in time`;
    case 'access.emergency':
      return `${name} BROKE THE GLASS: in ${target} until ${shown(detail['until'], 'its end')}; to be reviewed by someone else`;
    default:
      return `${event}: ${who}${object?.match(/^[a-z]{3}_\w+$/) ? ` (${object})` : ''}`;
  }
}

function shown(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}
