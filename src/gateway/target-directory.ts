import { SluiceError } from '../lib/errors.js';
import type { Classification } from '../masking/types.js';
import { nearest } from '../policy/problems.js';
import type { Principal } from '../policy/types.js';
import { decideUnrecorded } from '../sessions/recording-mode.js';
import type { TargetConfig } from '../sessions/types.js';
import { decideConnect } from './authorise.js';
import type { ActiveConfiguration } from './configuration.js';

/** Nobody mistypes more; comparing costs time in proportion to it. */
const longestMeantName = 64;

/** The targets as each caller sees them: one that policy denies them `connect` to does not exist. */
export class TargetDirectory {
  readonly #configuration: ActiveConfiguration;

  constructor(configuration: ActiveConfiguration) {
    this.#configuration = configuration;
  }

  /**
   * Throws not_found, with the same words for an absent and a hidden target. `classification` is that of the moment it
   * is read: live sessions mask by it, so a column classified now is masked from now on.
   */
  find(name: string, principal: Principal): { readonly target: TargetConfig; readonly classification: Classification } {
    const configuration = this.#configuration;
    const target = configuration.current().targets.get(name);
    if (target === undefined || !this.mayConnect(principal, target)) {
      const meant = this.#meant(name, principal);
      const hint = meant === null ? '' : `; did you mean ${JSON.stringify(meant)}?`;
      throw new SluiceError('not_found', `no target ${JSON.stringify(name)}${hint}`, {
        next: [{ command: 'sluice targets', when: 'to see the targets you may use' }],
      });
    }
    return {
      target,
      get classification() {
        return configuration.current().classification;
      },
    };
  }

  visible(principal: Principal): readonly TargetConfig[] {
    return [...this.#configuration.current().targets.values()].filter((target) => this.mayConnect(principal, target));
  }

  /** The target that a misspelt or shortened name stands for: of those the caller may see, or the hint would tell of others. */
  #meant(name: string, principal: Principal): string | null {
    if (name.length > longestMeantName) return null;
    const names = this.visible(principal).map((target) => target.name);
    const longer = names.filter((known) => known.toLowerCase().startsWith(name.toLowerCase()));
    return nearest(name, names) ?? (longer.length === 1 ? (longer[0] ?? null) : null);
  }

  /** Says whether a connection made earlier would still be let in. */
  isStillAllowed(name: string, principal: Principal): boolean {
    const target = this.#configuration.current().targets.get(name);
    if (target === undefined || !this.mayConnect(principal, target)) return false;
    const unrecorded = decideUnrecorded(this.#configuration.current().policies, principal, target, null);
    return unrecorded === null || unrecorded.verdict === 'allow';
  }

  /** A held `connect` is no refusal: the engine asks people when the connection is made. */
  mayConnect(principal: Principal, target: TargetConfig): boolean {
    const { policies } = this.#configuration.current();
    return decideConnect(policies, principal, target).verdict !== 'deny';
  }
}
