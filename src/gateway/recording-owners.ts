import type { Principal } from '../policy/types.js';
import { readEvents } from '../recording/read.js';
import type { GatewayRecorder } from '../recording/types.js';

const maxKnown = 10_000;

/**
 * Whose a recording is, by the identity that its journal begins with. A name does not say it: names come from a claim
 * that a provider may let people choose, and two issuers may give the same one. A session without a journal (mode off)
 * is nobody's.
 */
export class RecordingOwners {
  readonly #recorder: GatewayRecorder;
  readonly #known = new Map<string, string>();

  constructor(recorder: GatewayRecorder) {
    this.#recorder = recorder;
  }

  async isOwn(session: string, principal: Principal): Promise<boolean> {
    return (await this.#ownerOf(session)) === principal.id;
  }

  /** The recordings of these that are the principal's own, in the same order. */
  async own<S extends { readonly id: string }>(sessions: readonly S[], principal: Principal): Promise<readonly S[]> {
    const mine = await Promise.all(sessions.map(({ id }) => this.isOwn(id, principal)));
    return sessions.filter((_, index) => mine[index] === true);
  }

  async #ownerOf(session: string): Promise<string | null> {
    const known = this.#known.get(session);
    if (known !== undefined) return known;
    const journal = await this.#recorder.journal(session);
    if (journal === null) return null;
    for await (const event of readEvents(journal.path)) {
      if (event.type !== 'open' || event.session !== session) return null;
      const oldest = this.#known.size >= maxKnown ? this.#known.keys().next().value : undefined;
      if (oldest !== undefined) this.#known.delete(oldest);
      this.#known.set(session, event.identity.subject);
      return event.identity.subject;
    }
    return null;
  }
}
