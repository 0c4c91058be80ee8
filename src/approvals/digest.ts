import { createHash } from 'node:crypto';
import { SluiceError } from '../lib/errors.js';
import type { RequestDraft, RequestSubject } from './types.js';

/** What a person can be asked to read. A longer statement cannot be approved; it has to be split. */
export const maxSubjectCharacters = 100_000;
export const maxCommentCharacters = 2_000;
const maxEffects = 2_000;

/** SHA-256 over everything an approval is bound to. JSON keeps the fields apart and lone surrogates distinct. */
export function requestDigest(subject: RequestSubject & Pick<RequestDraft, 'access'>): string {
  const { principal, target, text, parameters, effects, access, context = [], objects = [], place } = subject;
  // What is asked for beside operations is told apart, so that no statement can ever spend it.
  const asked = access === undefined || access === null ? [] : [['access', access.group, access.durationMs]];
  const { onBehalfOf } = principal;
  const person = onBehalfOf === undefined ? [] : [['on behalf of', onBehalfOf.id]];
  const named = objects.length === 0 ? [] : [['objects', ...new Set(objects)]];
  const under = context.length === 0 ? [] : [['context', ...context]];
  const led = place === undefined ? [] : [['place', place]];
  const canonical = JSON.stringify([
    'sluice.request/v1',
    principal.id,
    target,
    text,
    parameters,
    effects,
    ...asked,
    ...person,
    ...named,
    ...under,
    ...led,
  ]);
  return createHash('sha256').update(canonical).digest('hex');
}

/** Throws `too_large` for what no person would read whole. */
export function checkSize(draft: RequestDraft): void {
  const characters = draft.parameters.reduce((sum, value) => sum + (value?.length ?? 0), draft.text.length);
  if (characters > maxSubjectCharacters || draft.effects.length > maxEffects) {
    const message = `This needs approval, but it is too long for anyone to review (over ${maxSubjectCharacters} characters or ${maxEffects} effects). Split it.`;
    throw new SluiceError('too_large', message, { decider: 'gateway' });
  }
  if ((draft.reason?.length ?? 0) > maxCommentCharacters) {
    throw new SluiceError('usage', `A reason may have ${maxCommentCharacters} characters.`, { decider: 'gateway' });
  }
}
