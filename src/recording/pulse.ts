import type { Schedule } from './types.js';

/** Collects what needs attention and gives all of it one turn after a while: one timer for all, none while idle. */
export class Pulse<T> {
  readonly #schedule: Schedule;
  readonly #ms: number;
  readonly #turn: (items: ReadonlySet<T>) => void;
  #waiting = new Set<T>();
  #round = 1;
  #cancel: (() => void) | null = null;

  constructor(schedule: Schedule, ms: number, turn: (items: ReadonlySet<T>) => void) {
    this.#schedule = schedule;
    this.#ms = ms;
    this.#turn = turn;
  }

  /** Changes with every turn: what was added in this round need not be added again. */
  get round(): number {
    return this.#round;
  }

  add(item: T): void {
    this.#waiting.add(item);
    this.#cancel ??= this.#schedule(() => {
      this.#cancel = null;
      this.runNow();
    }, this.#ms);
  }

  remove(item: T): void {
    this.#waiting.delete(item);
  }

  runNow(): void {
    const items = this.#waiting;
    if (items.size === 0) return;
    this.#waiting = new Set();
    this.#round++;
    this.#turn(items);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#waiting.clear();
  }
}

/** Real time; never keeps the process alive. */
export const realSchedule: Schedule = (task, ms) => {
  const timer = setTimeout(task, ms);
  timer.unref();
  return () => clearTimeout(timer);
};
