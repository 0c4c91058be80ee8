import type { ApiGrant } from '../client/api-access-types.js';
import { clockTime } from './durations.js';
import type { Output } from './output.js';
import { plain } from './plain.js';

/** A grant in a few lines: what, until when, why, and what is still to be done about it. */
export function grantText(grant: ApiGrant, out: Output): string {
  const left = grant.state === 'active' ? ` (${clockTime(Date.parse(grant.ends_at) - Date.now())} left)` : '';
  const color = grant.state === 'active' ? 'green' : 'dim';
  return [
    `${grant.id}   ${out.paint(color, grant.state)}   ${plain(grant.group)}${grant.emergency ? `   ${out.paint('red', 'EMERGENCY')}` : ''}`,
    `user       ${plain(grant.user)} (${grant.user_kind})`,
    `window     ${grant.starts_at} to ${grant.ends_at}${left}`,
    `reason     ${plain(grant.reason)}`,
    ...(grant.revoked === null ? [] : [`revoked    ${plain(grant.revoked.by)}  ${plain(grant.revoked.comment)}`]),
    ...(grant.review === null ? [] : [`reviewed   ${plain(grant.review.by)}  ${plain(grant.review.comment)}`]),
    ...(grant.review_due ? [`review     due: sluice access review ${grant.id} --comment "…"`] : []),
  ].join('\n');
}
