import { isSamePerson } from '../approvals/people.js';
import type { ApprovalRequest, ApprovalVote } from '../approvals/types.js';
import { decideOnGateway } from './authorise.js';
import type { Callers } from './callers.js';
import type { ActiveConfiguration } from './configuration.js';
import type { KnownPeople } from './known-people.js';

export interface VotersParts {
  readonly people: Pick<KnownPeople, 'ofId'>;
  readonly callers: Callers;
  readonly configuration: ActiveConfiguration;
}

/**
 * Counts approvals by who may still give them: by the groups of today, of which the newest token of the voter, bindings and
 * grants tell, under the policies of today. Whoever is known for the requester by now does not count either.
 */
export function countVotes(parts: VotersParts): (request: ApprovalRequest) => readonly ApprovalVote[] {
  return (request) => request.votes.flatMap((vote) => countedNow(vote, request, parts) ?? []);
}

/** The vote with those of its groups in which the voter still is; null when it counts no more. */
function countedNow(
  vote: ApprovalVote,
  { principal: requester }: ApprovalRequest,
  { people, callers, configuration }: VotersParts,
): ApprovalVote | null {
  if (vote.decision !== 'approve') return vote;
  const token = people.ofId(vote.by);
  if (token === null) return null;
  const voter = callers.resolve(token);
  const isRequester =
    isSamePerson(voter, requester) || (requester.onBehalfOf !== undefined && isSamePerson(voter, requester.onBehalfOf));
  if (isRequester || voter.kind !== 'human') return null;
  if (decideOnGateway(callers.policies(), voter, 'review').verdict !== 'allow') return null;
  const brought = vote.via === undefined ? voter.groups : broughtBy(vote.via, voter, configuration);
  const groups = vote.groups.filter((group) => voter.groups.includes(group) && brought.includes(group));
  if (groups.length === 0) return null;
  const aliases = [...new Set([...(vote.aliases ?? []), ...(voter.aliases ?? [])])];
  return { ...vote, groups, ...(aliases.length === 0 ? {} : { aliases }) };
}

/** Approvals of which groups a bot may bring from this person now. */
function broughtBy(
  name: string,
  { id, name: login }: { readonly id: string; readonly name: string },
  configuration: ActiveConfiguration,
): readonly string[] {
  const { bots } = configuration.current();
  const bot = Object.hasOwn(bots, name) ? bots[name] : undefined;
  const speaks = bot !== undefined && Object.values(bot.accounts).some((of) => of === id || of === login);
  return speaks && bot.decisions.includes('approve') ? bot.groups : [];
}
