import type { RequiredApproval } from '../policy/types.js';
import { isSamePerson, type Login } from './people.js';
import type { ApprovalVote } from './types.js';

interface Asked {
  readonly approvals: readonly Pick<RequiredApproval, 'group' | 'count' | 'comment'>[];
}

/**
 * How many approvals each group has when every person counts once, for one of their groups, and as many places are
 * filled as can be: three people in two groups are never more than three approvals. Where policy wants a comment, only
 * who made one fills a place.
 */
export function countApprovals(request: Asked, votes: readonly ApprovalVote[]): ReadonlyMap<string, number> {
  const people = distinctPeople(votes);
  const places = request.approvals.flatMap((asked) => Array.from({ length: asked.count }, () => asked));
  const fits = (vote: ApprovalVote | undefined, { group, comment }: (typeof places)[number]): boolean =>
    vote?.groups.includes(group) === true && (comment === undefined || saysSomething(vote.comment));
  // Bipartite matching by augmenting paths: places and people are a handful.
  const holder: (number | null)[] = places.map(() => null);
  const seat = (person: number, tried: Set<number>): boolean => {
    for (const [place, asked] of places.entries()) {
      if (tried.has(place) || !fits(people[person], asked)) continue;
      tried.add(place);
      const before = holder[place] ?? null;
      if (before !== null && !seat(before, tried)) continue;
      holder[place] = person;
      return true;
    }
    return false;
  };
  for (const person of people.keys()) seat(person, new Set());
  const counts = new Map<string, number>(request.approvals.map(({ group }) => [group, 0]));
  for (const [place, { group }] of places.entries())
    if (holder[place] !== null) counts.set(group, (counts.get(group) ?? 0) + 1);
  return counts;
}

/** Whether a comment holds a word: nothing but spaces, signs and what is invisible says nothing. */
export function saysSomething(comment: string): boolean {
  return /[\p{L}\p{N}]/u.test(comment.replaceAll(/\p{Default_Ignorable_Code_Point}/gu, ''));
}

/** Every required group has its approvals. */
export function hasQuorum(request: Asked, votes: readonly ApprovalVote[]): boolean {
  const counts = countApprovals(request, votes);
  return request.approvals.every(({ group, count }) => (counts.get(group) ?? 0) >= count);
}

/** The groups that still lack approvals. */
export function openGroups(request: Asked, votes: readonly ApprovalVote[]): readonly string[] {
  const counts = countApprovals(request, votes);
  return request.approvals.filter(({ group, count }) => (counts.get(group) ?? 0) < count).map(({ group }) => group);
}

/** The approvals that policy asks for by now and these votes do not give. */
export function lackingNow<Wanted extends Asked['approvals'][number]>(
  approvals: readonly Wanted[],
  votes: readonly ApprovalVote[],
): readonly Wanted[] {
  const open = openGroups({ approvals }, votes);
  return approvals.filter(({ group }) => open.includes(group));
}

/** The groups of which the request needs approvals, each once. */
export function requiredGroups(request: Asked): readonly string[] {
  return [...new Set(request.approvals.map(({ group }) => group))];
}

/** Who cast this vote. */
export function voter(vote: ApprovalVote): Login {
  return { id: vote.by, name: vote.name, aliases: vote.aliases };
}

function distinctPeople(votes: readonly ApprovalVote[]): readonly ApprovalVote[] {
  const people: ApprovalVote[] = [];
  for (const vote of votes) {
    if (vote.decision !== 'approve') continue;
    if (!people.some((person) => isSamePerson(voter(person), voter(vote)))) people.push(vote);
  }
  return people;
}
