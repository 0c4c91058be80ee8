import type { Principal } from '../policy/types.js';

/** What decisions rest on beside the operation itself: the policies in force, and the groups of who asks. */
export interface Basis {
  readonly policyVersion: string;
  readonly groups: readonly string[];
}

/** Gives the same object as long as nothing has moved, so that what was decided on another one is known for it. */
export class CurrentBasis {
  #basis: Basis | null = null;
  #principal: Principal | null = null;

  of(policyVersion: string, principal: Principal): Basis {
    const known = this.#basis;
    if (known !== null && known.policyVersion === policyVersion) {
      if (principal === this.#principal) return known;
      if (isSameList(known.groups, principal.groups)) {
        this.#principal = principal;
        return known;
      }
    }
    this.#principal = principal;
    return (this.#basis = { policyVersion, groups: principal.groups });
  }
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index]);
}
