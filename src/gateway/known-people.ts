import { z } from 'zod';
import type { VerifiedToken } from '../identity/types.js';
import type { PeopleStore } from '../store/ports.js';

const tokenSchema = z.object({
  ...{ issuer: z.string(), subject: z.string(), name: z.string(), kind: z.enum(['human', 'machine']) },
  ...{ mfa: z.boolean(), claimGroups: z.array(z.string()), expiresAt: z.number() },
  aliases: z.array(z.string()).exactOptional(),
  ...{ issuedAt: z.number().exactOptional(), grantedTo: z.string().exactOptional() },
});

/** The time of a person's last token is kept to the minute: not every call is worth a write. */
const noteEveryMs = 60_000;
const keptMs = 31 * 24 * 3_600_000;
const maxNoted = 10_000;

/** What people's last tokens said of them: how the gateway knows somebody who is not there to show one. */
export class KnownPeople {
  readonly #store: PeopleStore;
  readonly #clock: () => number;
  readonly #onProblem: (message: string, cause: unknown) => void;
  readonly #noted = new Map<string, { readonly token: VerifiedToken; readonly at: number }>();

  constructor(store: PeopleStore, clock: () => number, onProblem: (message: string, cause: unknown) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#onProblem = onProblem;
    store.prune(clock() - keptMs);
  }

  /**
   * A token has just been verified. Machines are not noted: nobody speaks for them. A store that cannot be written keeps
   * nobody from what they may do; they only count as not seen. An older token that is shown again says that somebody is
   * here, and not in which groups they are now.
   */
  saw(shown: VerifiedToken): void {
    if (shown.kind !== 'human') return;
    const id = `${shown.issuer}#${shown.subject}`;
    const at = this.#clock();
    const noted = this.#noted.get(id);
    try {
      const known = noted?.token ?? this.#kept(shown.issuer, id);
      const token = known !== null && isOlder(shown, known) ? known : shown;
      if (noted?.token === token && at - noted.at < noteEveryMs) return;
      const { issuer, name } = token;
      this.#store.save({ id, issuer, name, token: JSON.stringify(token), seenAt: at });
      this.#noted.delete(id);
      this.#noted.set(id, { token, at });
    } catch (error) {
      return this.#onProblem('who was here cannot be written', error);
    }
    const oldest = this.#noted.size > maxNoted ? this.#noted.keys().next() : null;
    if (oldest?.done === false) this.#noted.delete(oldest.value);
  }

  /** The person of this issuer with this name or id. `many`: the name is more than one person's. */
  find(issuer: string, nameOrId: string): { readonly token: VerifiedToken; readonly seenAt: number } | 'many' | null {
    const found = this.#store.find(issuer, nameOrId);
    const [person] = found;
    if (person === undefined) return null;
    if (found.length > 1) return 'many';
    return { token: tokenSchema.parse(JSON.parse(person.token)), seenAt: person.seenAt };
  }

  /** What the newest token of this person said, by their `issuer#subject`; null for whom the gateway does not know. */
  ofId(id: string): VerifiedToken | null {
    return this.#kept(id.slice(0, id.indexOf('#')), id);
  }

  #kept(issuer: string, id: string): VerifiedToken | null {
    const person = this.#store.find(issuer, id).find((found) => found.id === id);
    return person === undefined ? null : tokenSchema.parse(JSON.parse(person.token));
  }
}

function isOlder(token: VerifiedToken, than: VerifiedToken): boolean {
  return token.grantedTo === than.grantedTo && (token.issuedAt ?? 0) < (than.issuedAt ?? 0);
}
