import type { ApiRequestReview } from '../client/api-review-types.js';
import type { ApiRequest } from '../client/api-request-types.js';
import { clockTime } from './durations.js';
import type { Output } from './output.js';
import { lookAlikes, markLookAlikes } from '../lib/look-alikes.js';
import { plain, plainBlock, plainNames } from './plain.js';

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
export function requestText(request: ApiRequest, out: Output, review: ApiRequestReview | null = null): string {
  const lines = [
    `${request.id}   ${out.paint(colors[request.state], request.state)}   ${plain(request.target)}`,
    `requester  ${plain(request.requester)} (${request.requester_kind})`,
    ...clientLines(request),
    `reason     ${plain(request.reason ?? '') || 'none given'}`,
    `policy     ${plain(request.policies.join(', '))}${request.message === '' ? '' : `: ${plain(request.message)}`}`,
    ...request.effects.map((effect, index) => `${index === 0 ? 'effects  ' : '         '}  ${plainNames(effect)}`),
    ...lookAlikeLines(request, out),
    ...sizeLines(review),
    ...statementLines(request, review),
    ...request.parameters.map(
      (value, index) => `  $${index + 1} = ${value === null ? 'NULL' : `'${plainNames(value)}'`}`,
    ),
    ...(request.context ?? []).map((line, index) => `${index === 0 ? 'read with' : '         '}  ${plain(line)}`),
    ...(request.text_masked
      ? [`           ${out.paint('dim', 'values of protected columns are not shown to you')}`]
      : []),
    ...request.required.map(
      ({ group, count, have, comment }) =>
        `needs      ${have} of ${count} from @${plain(group)}${comment === true ? ', with a comment' : ''}`,
    ),
    ...request.votes.map(
      ({ name, decision, comment, at, via }) =>
        `${decision === 'approve' ? 'approved' : 'denied  '}   ${plain(name)}${through(via)}  ${at}${comment === '' ? '' : `  "${plain(comment)}"`}`,
    ),
    ...reuseLines(request),
    ...(request.outcome === null
      ? []
      : [`outcome    ${request.outcome.ok ? 'done' : 'failed'}: ${plain(request.outcome.detail)}`]),
    ...request.history.map(
      ({ at, to, by, note, via }, index) =>
        `${index === 0 ? 'history  ' : '         '}  ${at}  ${to}  ${plain(by)}${through(via)}${note === '' ? '' : `  ${plain(note)}`}`,
    ),
    ...alikeLines(review),
    `created    ${request.created_at}   expires ${request.expires_at}${timeLeft(request)}`,
  ];
  return lines.join('\n');
}

function clientLines({ client }: ApiRequest): readonly string[] {
  if (client === null) return [];
  const { application, address, via } = client;
  const program = application === '' ? '' : `${plain(application)}, `;
  return [`client     ${program}from ${plain(address)} by ${via}`];
}

/** A bot's part in what a person said. */
function through(via: string | null): string {
  return via === null ? '' : ` (by ${plain(via)})`;
}

/** How long an approval stands, or may be made to stand, and by which one this ran. */
function reuseLines({ reuse, reuse_of: of, state }: ApiRequest): readonly string[] {
  const lines = of === null ? [] : [`by         the approval of ${of}, which stands for a while`];
  if (reuse.revoked !== null)
    return [...lines, `revoked    ${plain(reuse.revoked.by)}  ${reuse.revoked.at}  ${plain(reuse.revoked.comment)}`];
  if (reuse.until !== null) return [...lines, `stands     until ${reuse.until}, used again ${reuse.uses} times so far`];
  if (state === 'pending' && reuse.allowed_ms > 0)
    return [...lines, `may stand  for ${clockTime(reuse.allowed_ms)} (approve --for)`];
  return lines;
}

function timeLeft({ state, expires_at: at }: ApiRequest): string {
  if (state !== 'pending' && state !== 'approved') return '';
  return `   (${clockTime(Date.parse(at) - Date.now())} left)`;
}

const block = (text: string): readonly string[] =>
  markLookAlikes(plainBlock(text))
    .split('\n')
    .map((line) => `  ${line}`);

/** Laid out for reading, and as it was sent where that is not the same to the eye. */
function statementLines({ text }: ApiRequest, review: ApiRequestReview | null): readonly string[] {
  const pretty = review?.pretty ?? null;
  if (pretty === null || pretty === text.trim()) return ['text', ...block(text)];
  return ['text', ...block(pretty), 'as sent', ...block(text)];
}

/** Names that could be taken for others; the letters that make them so are escapes below. */
function lookAlikeLines({ text, parameters, effects }: ApiRequest, out: Output): readonly string[] {
  const shown = [text, ...effects, ...parameters.map((value) => value ?? '')].join('\n');
  return lookAlikes(shown).map(({ word, readsAs, letters }) => {
    const as = readsAs === null ? 'mixes letters that read as others' : `is not "${readsAs}"`;
    return `${out.paint('yellow', 'beware')}     ${plainNames(word)} ${as}: ${letters.join(', ')}`;
  });
}

const aboutRows = (rows: string): string => `about ${rows} ${rows === '1' ? 'row' : 'rows'}`;

function sizeLines(review: ApiRequestReview | null): readonly string[] {
  if (review === null) return [];
  const tables = review.tables.map(
    ({ name, rows }) => `${plainNames(name)} (${rows === null ? 'never counted' : aboutRows(rows)})`,
  );
  return [
    ...(tables.length === 0 ? [] : [`tables     ${tables.join(', ')}`]),
    ...(review.estimated_rows === null
      ? []
      : [`estimate   ${aboutRows(review.estimated_rows)}, by the target's planner`]),
  ];
}

/** What came of requests like it: whoever decides the same again should know. */
function alikeLines(review: ApiRequestReview | null): readonly string[] {
  if (review === null || review.alike.total === 0) return [];
  const { total, approved, denied, latest } = review.alike;
  return [
    `like it    ${total} before, ${approved} approved, ${denied} denied`,
    ...latest.map(({ id, state, requester, exactly_alike: same, created_at: at, votes }) => {
      const by = votes.map(({ name, comment }) => plain(`${name}${comment === '' ? '' : ` "${comment}"`}`)).join(', ');
      return `           ${at}  ${id}  ${state}  ${plain(requester)}${same ? '  same text' : ''}${by === '' ? '' : `  by ${by}`}`;
    }),
  ];
}
