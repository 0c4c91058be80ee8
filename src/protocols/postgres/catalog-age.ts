/** The target is asked again once what is known of it is this old, if it is used. */
const dueMs = 2_000;
/** A catalog that takes long to look at is looked at less often: this share of the time goes into it, at most. */
const dueShare = 20;
/** What asking costs is the least of so many times: neither a moment's load nor one change is a reason to look less often. */
const costsKept = 4;
const latestDueMs = 30_000;
/** What is older is not used: the statement waits for the target's answer. */
const overFactor = 5;
const latestOverMs = 60_000;

/**
 * How long ago a target's catalog was known to be as the gateway has it. Statements are judged by what is 10 seconds old
 * at most, or by 100 times what asking the target takes where that is more, and never by what is older than a minute.
 */
export class CatalogAge {
  readonly #uptime: () => number;
  #heldAt: number | null = null;
  #costsMs: readonly number[] = Array.from({ length: costsKept }, () => 0);
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor(uptime: () => number) {
    this.#uptime = uptime;
  }

  /** `due`: to be asked for, beside what runs; `over`: not to be used before it has been. Every statement asks this. */
  get state(): 'fresh' | 'due' | 'over' {
    if (this.#heldAt === null) return 'over';
    const now = this.#uptime();
    const age = now - this.#heldAt;
    if (age <= dueMs) return 'fresh';
    const due = this.#dueMs;
    if (age > Math.min(due * overFactor, latestOverMs)) return 'over';
    // A target that does not answer is not asked at every statement.
    return age > due && now - this.#askedAt > due ? 'due' : 'fresh';
  }

  /** The target is read: what that says held when it began, whenever it ends. */
  reading(): { readonly holds: () => void } {
    const at = this.#uptime();
    return { holds: () => (this.#heldAt = Math.max(this.#heldAt ?? at, at)) };
  }

  /** The target is asked whether anything has changed: nothing has, or finding out what took longer. */
  asking(): { readonly holds: () => void; readonly took: () => void } {
    const at = this.#uptime();
    const { holds } = this.reading();
    const took = (): void => {
      this.#costsMs = [...this.#costsMs, this.#uptime() - at].slice(-costsKept);
    };
    this.#askedAt = at;
    return { holds: () => (took(), holds()), took };
  }

  get #dueMs(): number {
    return Math.min(Math.max(dueMs, Math.min(...this.#costsMs) * dueShare), latestDueMs);
  }
}
