import type { SessionFacts } from '../policy/types.js';

const minuteMs = 60_000;
const buckets = 60;
const kinds = 4;
export type UsageKind = 'rowsRead' | 'bytesRead' | 'statements' | 'seconds';
const indexOf: Readonly<Record<UsageKind, number>> = { rowsRead: 0, bytesRead: 1, statements: 2, seconds: 3 };

/** What one identity has done in the last hour, minute by minute; adding and reading are a few additions. */
export class HourlyUsage {
  readonly #counts = new Float64Array(buckets * kinds);
  readonly #sums = new Float64Array(kinds);
  readonly #facts = { rowsRead: 0, bytesRead: 0, statements: 0, seconds: 0 };
  #minute = 0;

  add(kind: UsageKind, amount: number, nowMs: number): void {
    this.#advance(nowMs);
    const index = indexOf[kind];
    const at = (this.#minute % buckets) * kinds + index;
    this.#counts[at] = (this.#counts[at] ?? 0) + amount;
    this.#sums[index] = (this.#sums[index] ?? 0) + amount;
  }

  /** The sums now. One object for all calls: read it before the next. */
  facts(nowMs: number): SessionFacts {
    this.#advance(nowMs);
    const [rowsRead = 0, bytesRead = 0, statements = 0, seconds = 0] = this.#sums;
    this.#facts.rowsRead = rowsRead;
    this.#facts.bytesRead = bytesRead;
    this.#facts.statements = statements;
    this.#facts.seconds = Math.floor(seconds);
    return this.#facts;
  }

  get isEmpty(): boolean {
    return this.#sums.every((sum) => sum === 0);
  }

  /** Minutes that hold anything, for keeping over a restart. */
  save(nowMs: number): readonly SavedMinute[] {
    this.#advance(nowMs);
    const saved: SavedMinute[] = [];
    for (let back = buckets - 1; back >= 0; back--) {
      const minute = this.#minute - back;
      if (minute < 0) continue;
      const at = (minute % buckets) * kinds;
      const counts = [...this.#counts.subarray(at, at + kinds)];
      if (counts.some((count) => count !== 0)) saved.push([minute, ...counts]);
    }
    return saved;
  }

  restore(saved: readonly SavedMinute[], nowMs: number): void {
    this.#advance(nowMs);
    for (const [minute, ...counts] of saved) {
      // A clock that was set back must not make what was done vanish.
      if (minute <= this.#minute - buckets) continue;
      const at = (Math.min(minute, this.#minute) % buckets) * kinds;
      counts.forEach((count, index) => {
        this.#counts[at + index] = (this.#counts[at + index] ?? 0) + count;
        this.#sums[index] = (this.#sums[index] ?? 0) + count;
      });
    }
  }

  #advance(nowMs: number): void {
    const minute = Math.floor(nowMs / minuteMs);
    if (minute <= this.#minute) return;
    const passed = Math.min(minute - this.#minute, buckets);
    for (let step = 1; step <= passed; step++) {
      const at = ((minute - passed + step) % buckets) * kinds;
      for (let index = 0; index < kinds; index++) {
        this.#sums[index] = (this.#sums[index] ?? 0) - (this.#counts[at + index] ?? 0);
        this.#counts[at + index] = 0;
      }
    }
    this.#minute = minute;
  }
}

/** The minute since the epoch, then rows, bytes, statements, seconds. */
export type SavedMinute = readonly [minute: number, ...counts: number[]];

/** The usage of every identity that was active in the last hour. Reconnecting starts no new count. */
export class UsageBook {
  readonly #byIdentity = new Map<string, HourlyUsage>();

  of(identity: string): HourlyUsage {
    let usage = this.#byIdentity.get(identity);
    if (usage === undefined) {
      usage = new HourlyUsage();
      this.#byIdentity.set(identity, usage);
    }
    return usage;
  }

  /** Everything worth keeping; forgets nobody, since open sessions hold on to theirs. */
  save(nowMs: number): Readonly<Record<string, readonly SavedMinute[]>> {
    const entries = [...this.#byIdentity].map(([identity, usage]) => [identity, usage.save(nowMs)] as const);
    return Object.fromEntries(entries.filter(([, saved]) => saved.length > 0));
  }

  restore(saved: Readonly<Record<string, readonly SavedMinute[]>>, nowMs: number): void {
    for (const [identity, minutes] of Object.entries(saved)) this.of(identity).restore(minutes, nowMs);
  }

  /** Drops identities that did nothing for an hour and have no session open. */
  forget(live: ReadonlySet<string>, nowMs: number): void {
    for (const [identity, usage] of this.#byIdentity) {
      usage.facts(nowMs);
      if (usage.isEmpty && !live.has(identity)) this.#byIdentity.delete(identity);
    }
  }
}
