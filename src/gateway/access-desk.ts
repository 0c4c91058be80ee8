import type { GrantBook } from '../approvals/grants.js';
import type { Grant } from '../approvals/grant-types.js';
import { lackingNow } from '../approvals/quorum.js';
import type { ApprovalRequest, Approvals, ApprovalVote } from '../approvals/types.js';
import { SluiceError } from '../lib/errors.js';
import { type AccessRule, findAccess } from '../policy/access.js';
import { nearest } from '../policy/problems.js';
import type { Principal } from '../policy/types.js';
import type { ActiveConfiguration } from './configuration.js';

export interface AccessOrder {
  readonly principal: Principal;
  /** A group, or a target that stands for one. */
  readonly name: string;
  readonly durationMs: number;
  readonly reason: string;
}

/** Asking for membership in a group for a while: who may, what it takes, and what an approval then gives. */
export class AccessDesk {
  readonly #configuration: ActiveConfiguration;
  readonly #approvals: Approvals;
  readonly #grants: GrantBook;

  constructor(configuration: ActiveConfiguration, approvals: Approvals, grants: GrantBook) {
    this.#configuration = configuration;
    this.#approvals = approvals;
    this.#grants = grants;
  }

  /** What this caller may ask for. */
  offers(principal: Principal): readonly { readonly group: string; readonly rule: AccessRule }[] {
    return Object.entries(this.#configuration.current().access)
      .filter(([, rule]) => mayAsk(principal, rule.for) || mayAsk(principal, rule.emergency?.for ?? []))
      .map(([group, rule]) => ({ group, rule }));
  }

  /** Opens a request; the grant begins when it is approved. */
  request(order: AccessOrder): ApprovalRequest {
    const { principal, durationMs } = order;
    const { group, rule } = this.#find(order, (found) => found.for);
    requireWithin(durationMs, rule.max, group);
    const time = spoken(Math.ceil(durationMs / 60_000));
    const policy = `access:${group}`;
    return this.#approvals.open({
      principal,
      target: group,
      text: `access to ${group} for ${time}`,
      parameters: [],
      effects: [`membership in group ${group} for ${time}`],
      approvals: approvalsOf(rule).map((approval) => ({ ...approval, policy })),
      policies: [policy],
      message: `Membership in ${group} needs approval`,
      reason: order.reason,
      session: null,
      access: { group, durationMs },
    });
  }

  /** Breaks the glass: at once, for a short time, to be reviewed by someone else. */
  emergency(order: AccessOrder): Grant {
    const { group, rule } = this.#find(order, (found) => found.emergency?.for ?? []);
    const { emergency } = rule;
    if (emergency === null) throw new TypeError('found by its emergency rule');
    requireWithin(order.durationMs, emergency.max, group);
    const { principal, reason, durationMs } = order;
    const draft = { principal, group, reason, request: null, emergency: true, reviewers: emergency.reviewers };
    return this.#grants.start(draft, durationMs);
  }

  /** Hears every step of every request: an approved one for access becomes a grant, once. */
  heard(request: ApprovalRequest): void {
    const { access, id, principal } = request;
    if (access === undefined || access === null || request.state !== 'approved') return;
    this.#approvals.consume(id, request);
    const rule = this.#configuration.current().access[access.group];
    const refusal = refusalNow(request, { group: access.group, rule, votes: this.#approvals.votesNow(request) });
    if (rule === undefined || refusal !== null) {
      this.#approvals.finish(id, { ok: false, detail: refusal ?? '' });
      return;
    }
    const draft = { principal, group: access.group, reason: request.reason ?? '', request: id, emergency: false };
    const grant = this.#grants.start({ ...draft, reviewers: [] }, Math.min(access.durationMs, rule.max));
    this.#approvals.finish(id, { ok: true, detail: `${grant.id} until ${new Date(grant.endsAt).toISOString()}` });
  }

  /** The same words for a name that is not there and for one that this caller may not ask for. */
  #find(
    { principal, name, reason }: AccessOrder,
    who: (rule: AccessRule) => readonly string[],
  ): { readonly group: string; readonly rule: AccessRule } {
    const found = findAccess(this.#configuration.current().access, name);
    if (found === null || !mayAsk(principal, who(found.rule))) {
      // Of what this caller may ask for, or the hint would tell of more.
      const offered = this.offers(principal).filter(({ rule }) => mayAsk(principal, who(rule)));
      const meant = nearest(
        name.slice(0, 64),
        offered.flatMap(({ group, rule }) => [group, ...rule.targets]),
      );
      const hint = meant === null ? '' : `; did you mean ${JSON.stringify(meant)}?`;
      throw new SluiceError('not_found', `nothing that you may ask for is called ${JSON.stringify(name)}${hint}`, {
        decider: 'gateway',
        next: [{ command: 'sluice access list', when: 'to see what you may ask for' }],
      });
    }
    if (reason.trim() === '') {
      throw new SluiceError('usage', 'Access needs a reason.', {
        decider: 'gateway',
        next: [{ command: `sluice access request ${name} --for 1h --reason "why"`, when: 'to say why' }],
      });
    }
    if (principal.groups.includes(found.group))
      throw new SluiceError('conflict', `You are in ${found.group} already.`, {
        decider: 'gateway',
        next: [{ command: 'sluice access list --mine', when: 'to see until when' }],
      });
    return found;
  }
}

/** Why what was approved by the rules of then is not given by those of now; null when it is. */
function refusalNow(
  request: ApprovalRequest,
  {
    group,
    rule,
    votes,
  }: { readonly group: string; readonly rule: AccessRule | undefined; readonly votes: readonly ApprovalVote[] },
): string | null {
  if (rule === undefined) return `${group} cannot be had for a while any more`;
  if (!mayAsk(request.principal, rule.for)) return `the requester may not have ${group} any more`;
  const lacking = lackingNow(approvalsOf(rule), votes).map(({ group: by, count }) => `${count} of @${by}`);
  return lacking.length === 0 ? null : `it needs ${lacking.join(', ')} now; ask again`;
}

function approvalsOf({ approvers }: AccessRule): readonly { readonly group: string; readonly count: number }[] {
  return Object.entries(approvers).map(([group, count]) => ({ group, count }));
}

function mayAsk(principal: Principal, groups: readonly string[]): boolean {
  return groups.some((group) => principal.groups.includes(group));
}

/** As one would type it: 90 minutes are 90m, 240 are 4h. */
const spoken = (minutes: number): string => (minutes > 0 && minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`);

function requireWithin(durationMs: number, maxMs: number, group: string): void {
  if (durationMs <= maxMs) return;
  const most = spoken(Math.floor(maxMs / 60_000));
  throw new SluiceError('usage', `${group} can be had for ${most} at most.`, {
    decider: 'gateway',
    next: [{ command: `sluice access request ${group} --for ${most} --reason …`, when: 'to ask for that long' }],
  });
}
