import { createHmac } from 'node:crypto';
import { isSameActor } from '../approvals/people.js';
import type { ApprovalRequest, Approvals, ApprovalVote } from '../approvals/types.js';
import type { ProtectedColumn } from '../analysis/postgres-types.js';
import { compileDetectors, type Detectors } from '../masking/detectors.js';
import { scrubText } from '../masking/scrub.js';
import { type Shown, showOperation } from '../masking/shown-operation.js';
import type { Classification } from '../masking/types.js';
import { noFacts, type Principal } from '../policy/types.js';
import { revealEffect } from '../protocols/postgres/result-plan.js';
import type { Vault } from '../vault/vault.js';
import type { ActiveConfiguration } from './configuration.js';

/** How one person sees a request. */
export interface Seen extends Shown {
  /** Something of it is not shown to this person. */
  readonly masked: boolean;
  readonly digest: string;
  /** Any other text of it: a reason, a comment, an answer. */
  readonly words: (text: string) => string;
  /** The votes that count: as long as the request can be used, those of who may still decide. */
  readonly counted: readonly ApprovalVote[];
}

/**
 * Whose eyes see what of a request: its requester what they typed, everyone else without protected values, unless
 * policy lets them see those of the column in clear.
 */
export class RequestEyes {
  readonly #configuration: ActiveConfiguration;
  readonly #digestKey: Buffer;
  readonly #approvals: Pick<Approvals, 'votesNow'>;
  #compiled: { readonly of: Classification['detectors']; readonly detectors: Detectors | null } | null = null;

  constructor(
    configuration: ActiveConfiguration,
    vault: Pick<Vault, 'deriveKey'>,
    approvals: Pick<Approvals, 'votesNow'>,
  ) {
    this.#approvals = approvals;
    this.#configuration = configuration;
    this.#digestKey = vault.deriveKey('request digest');
  }

  see(request: ApprovalRequest, viewer: Principal): Seen {
    const { text, parameters, effects, secrets = null } = request;
    // Without a key, a digest of all that is shown and one short value that is not would tell the value.
    const digest = createHmac('sha256', this.#digestKey).update(request.digest).digest('hex');
    const isOpen = request.state === 'pending' || request.state === 'approved';
    const counted = isOpen ? this.#approvals.votesNow(request) : request.votes;
    if (isSameActor(viewer, request.principal)) {
      return { text, parameters, effects, masked: false, digest, counted, words: (words) => words };
    }
    const { classification } = this.#configuration.current();
    const ran = { text, parameters, effects, secrets };
    const shown = showOperation(ran, this.#detectors(classification), (columns) =>
      this.#mayReveal(request.target, viewer, columns),
    );
    const masked = JSON.stringify([shown.text, shown.parameters]) !== JSON.stringify([text, parameters]);
    return { ...shown, masked, digest, counted, words: (words) => scrubText(words, classification.detectors) };
  }

  #mayReveal(name: string, viewer: Principal, columns: readonly ProtectedColumn[]): boolean {
    const { policies, targets } = this.#configuration.current();
    const target = targets.get(name);
    if (target === undefined) return false;
    const query = { principal: viewer, target, approvals: [], session: noFacts, reason: null };
    const effects = columns.map((column) => revealEffect(target.name, target.database, column));
    return policies.reveals(query, effects).every((allowed) => allowed);
  }

  #detectors({ detectors }: Classification): Detectors | null {
    if (this.#compiled?.of !== detectors) this.#compiled = { of: detectors, detectors: compileDetectors(detectors) };
    return this.#compiled.detectors;
  }
}
