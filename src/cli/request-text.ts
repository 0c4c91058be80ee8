import type { ApiRequest } from '../client/api-types.js';
import type { Output } from './output.js';
import { plain, plainBlock } from './plain.js';

const colors = {
  pending: 'yellow',
  approved: 'green',
  executed: 'green',
  denied: 'red',
  failed: 'red',
  expired: 'dim',
  cancelled: 'dim',
} as const;

/** A request as its reviewers need it: what would happen, who asks and why, who has decided. */
export function requestText(request: ApiRequest, out: Output): string {
  const lines = [
    `${request.id}   ${out.paint(colors[request.state], request.state)}   ${plain(request.target)}`,
    `requester  ${plain(request.requester)} (${request.requester_kind})`,
    `reason     ${plain(request.reason ?? '') || 'none given'}`,
    `policy     ${plain(request.policies.join(', '))}${request.message === '' ? '' : `: ${plain(request.message)}`}`,
    ...request.effects.map((effect, index) => `${index === 0 ? 'effects  ' : '         '}  ${plain(effect)}`),
    'text',
    ...plainBlock(request.text)
      .split('\n')
      .map((line) => `  ${line}`),
    ...request.parameters.map((value, index) => `  $${index + 1} = ${value === null ? 'NULL' : `'${plain(value)}'`}`),
    ...(request.text_masked
      ? [`           ${out.paint('dim', 'values of protected columns are not shown to you')}`]
      : []),
    ...request.required.map(({ group, count, have }) => `needs      ${have} of ${count} from @${plain(group)}`),
    ...request.votes.map(
      ({ name, decision, comment, at }) =>
        `${decision === 'approve' ? 'approved' : 'denied  '}   ${plain(name)}  ${at}${comment === '' ? '' : `  "${plain(comment)}"`}`,
    ),
    ...(request.outcome === null
      ? []
      : [`outcome    ${request.outcome.ok ? 'done' : 'failed'}: ${plain(request.outcome.detail)}`]),
    ...request.history.map(
      ({ at, to, by, note }, index) =>
        `${index === 0 ? 'history  ' : '         '}  ${at}  ${to}  ${plain(by)}${note === '' ? '' : `  ${plain(note)}`}`,
    ),
    `created    ${request.created_at}   expires ${request.expires_at}`,
  ];
  return lines.join('\n');
}
