import type { SluiceError } from '../../lib/errors.js';
import type { Allowed, Denied, Held, JudgedOperation, Permit } from '../../sessions/permit.js';
import type { Session } from '../../sessions/session.js';
import { heldWords } from '../../sessions/words.js';

/** How something is told to the person whose operation is judged. */
export type Tell = (text: string) => void;

/** Asks the gate, waits for people where they must be asked, and returns once the decision is in the journal. */
export class Judging {
  readonly #session: Session;
  readonly #now: () => number;

  constructor(session: Session, now: () => number) {
    this.#session = session;
    this.#now = now;
  }

  /** Throws the refusal. What `signal` aborts with is thrown too. */
  async ask(subject: JudgedOperation, tell: Tell, signal: AbortSignal): Promise<Permit> {
    const verdict = await this.first(subject);
    return verdict.verdict === 'hold' ? this.wait(verdict, tell, signal) : permitOf(verdict);
  }

  /** The first decision, once it is in the journal. */
  async first(subject: JudgedOperation): Promise<Allowed | Denied | Held> {
    const verdict = this.#session.gate.judge({ ...subject, canLook: false });
    await this.#session.recorder.commit();
    return verdict;
  }

  /** Tells that an operation is held, and waits for people. Throws the refusal. */
  async wait(held: Held, tell: Tell, signal: AbortSignal): Promise<Permit> {
    const { message, hint } = heldWords(held.request, this.#now());
    tell(`sluice: ${message}\nsluice: ${hint}\n`);
    const verdict = await held.decided(signal);
    await this.#session.recorder.commit();
    if (verdict.verdict === 'allow') tell('sluice: approved\n');
    return permitOf(verdict);
  }

  /** A permit that is not used: what it was given for is not what would run. Gives the refusal. */
  async withdraw(permit: Permit, error: SluiceError): Promise<SluiceError> {
    const denied = this.#session.gate.withdraw(permit, error);
    await this.#session.recorder.commit();
    return denied.error;
  }
}

/** The permit of a decision; throws a refusal. */
export function permitOf(verdict: Allowed | Denied): Permit {
  if (verdict.verdict === 'deny') throw verdict.error;
  return verdict.permit;
}
