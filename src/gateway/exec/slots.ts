import { SluiceError } from '../../lib/errors.js';

/** Bounds how many texts run at once, over all callers and for one, so that nobody can use up the gateway. */
export class ExecSlots {
  readonly #total: number;
  readonly #perPrincipal: number;
  readonly #running = new Map<string, number>();
  #sum = 0;

  constructor(total: number, perPrincipal: number) {
    this.#total = total;
    this.#perPrincipal = perPrincipal;
  }

  get running(): number {
    return this.#sum;
  }

  async hold<T>(principal: string, work: () => Promise<T>): Promise<T> {
    const own = this.#running.get(principal) ?? 0;
    if (own >= this.#perPrincipal || this.#sum >= this.#total) {
      throw new SluiceError('unavailable', 'too many statements are running; try again when one has finished', {
        retryable: true,
      });
    }
    this.#running.set(principal, own + 1);
    this.#sum += 1;
    try {
      return await work();
    } finally {
      this.#sum -= 1;
      const left = (this.#running.get(principal) ?? 1) - 1;
      if (left === 0) this.#running.delete(principal);
      else this.#running.set(principal, left);
    }
  }
}
