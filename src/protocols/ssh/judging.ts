import type { JudgedOperation, Permit } from '../../sessions/gate.js';
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
    const { gate, recorder } = this.#session;
    let verdict = gate.judge(subject);
    if (verdict.verdict === 'hold') {
      const { message, hint } = heldWords(verdict.request, this.#now());
      await recorder.commit();
      tell(`sluice: ${message}\nsluice: ${hint}\n`);
      verdict = await verdict.decided(signal);
      if (verdict.verdict === 'allow') tell('sluice: approved\n');
    }
    await recorder.commit();
    if (verdict.verdict === 'deny') throw verdict.error;
    return verdict.permit;
  }
}
