import { isSamePerson } from '../approvals/people.js';
import { voter } from '../approvals/quorum.js';
import type { ApprovalRequest, Approvals } from '../approvals/types.js';
import { lookAlikes } from '../lib/look-alikes.js';
import { layOut } from '../analysis/sql-layout.js';
import { allLiterals } from '../analysis/sql-literals.js';
import type { Estimate } from '../sessions/engine.js';
import type { ActiveConfiguration } from './configuration.js';
import type { Engines } from './engines.js';
import type { Seen } from './request-eyes.js';
import { instant } from './request-view.js';
import type { RequestReview } from './schemas/requests.js';

interface ReviewParts {
  readonly approvals: Pick<Approvals, 'list'>;
  readonly configuration: ActiveConfiguration;
  readonly engines: Engines;
  readonly now: () => number;
}

const lookedAt = 500;
const shownAlike = 5;
const longestAlike = 20_000;
const keptMs = 60_000;
const maxKept = 200;

/** What helps to decide on a request beside the request itself: its text laid out, how much it is about, what came before. */
export class RequestReviews {
  readonly #parts: ReviewParts;
  readonly #estimates = new Map<string, { readonly at: number; readonly estimate: Promise<Estimate | null> }>();

  constructor(parts: ReviewParts) {
    this.#parts = parts;
  }

  /** `mine`: the caller may know of their own requests only. */
  async of(request: ApprovalRequest, seen: Seen, mine: boolean): Promise<RequestReview> {
    const target = this.#parts.configuration.current().targets.get(request.target);
    const isSql = target?.kind === 'postgres' && (request.access ?? null) === null;
    const estimate = isSql && request.state === 'pending' ? await this.#estimate(request) : null;
    return {
      pretty: isSql ? layOut(seen.text) : null,
      look_alikes: lookAlikes(
        [seen.text, ...seen.effects, ...seen.parameters.map((value) => value ?? '')].join('\n'),
      ).map(({ word, readsAs, letters }) => ({ word, reads_as: readsAs, letters: [...letters] })),
      tables: [...(estimate?.tables ?? [])],
      estimated_rows: estimate?.rows ?? null,
      alike: this.#alike(request, seen, mine, isSql),
    };
  }

  #alike(request: ApprovalRequest, { words }: Seen, mine: boolean, isSql: boolean): RequestReview['alike'] {
    if (!isSql || request.text.length > longestAlike) return { total: 0, approved: 0, denied: 0, latest: [] };
    const own = likeness(request.text);
    const { id } = request.principal;
    const found = this.#parts.approvals
      .list({ limit: lookedAt, ...(mine ? { requester: id } : {}) })
      .filter((other) => other.id !== request.id && other.target === request.target)
      .filter(({ text }) => text.length <= longestAlike && likeness(text) === own);
    const decided = (decision: 'approve' | 'deny'): number =>
      found.filter(({ votes }) => votes.some((vote) => vote.decision === decision)).length;
    return {
      total: found.length,
      approved: decided('approve'),
      denied: decided('deny'),
      latest: found.slice(0, shownAlike).map((other) => ({
        id: other.id,
        state: other.state,
        requester: other.principal.name,
        same_requester: isSamePerson(other.principal, request.principal),
        exactly_alike: other.text === request.text,
        created_at: instant(other.createdAt),
        votes: other.votes.map((vote) => ({
          name: voter(vote).name,
          decision: vote.decision,
          comment: words(vote.comment),
          at: instant(vote.at),
        })),
      })),
    };
  }

  /** The target is asked once a minute at most, however often a request is looked at; an answer that fails is none. */
  #estimate(request: ApprovalRequest): Promise<Estimate | null> {
    const known = this.#estimates.get(request.id);
    const now = this.#parts.now();
    if (known !== undefined && now - known.at < keptMs) return known.estimate;
    for (const [id, { at }] of this.#estimates)
      if (now - at >= keptMs || this.#estimates.size >= maxKept) this.#estimates.delete(id);
    const { classification, targets } = this.#parts.configuration.current();
    const target = targets.get(request.target);
    const asked = target === undefined ? undefined : this.#parts.engines.of(target).estimate;
    const estimate =
      target === undefined || asked === undefined
        ? Promise.resolve(null)
        : asked(target, classification, request.text, request.parameters).catch(() => null);
    this.#estimates.set(request.id, { at: now, estimate });
    return estimate;
  }
}

/** What is left of a text without its values and its layout: requests that share it are alike. It only ever groups. */
export function likeness(text: string): string {
  let out = '';
  let from = 0;
  for (const { start, end } of allLiterals(text)) {
    out += `${text.slice(from, start)}?`;
    from = end;
  }
  return (out + text.slice(from))
    .replace(/\s+/g, ' ')
    .replace(/ ?([(),=]) ?/g, '$1')
    .replace(/\?(,\?)+/g, '?')
    .trim()
    .toLowerCase();
}
