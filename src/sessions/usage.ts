import type { SessionFacts } from '../policy/types.js';
import type { UsedMinute } from './usage-store.js';

const minuteMs = 60_000;
const buckets = 60;
const kinds = 4;
export type UsageKind = 'rowsRead' | 'bytesRead' | 'statements';
const indexOf: Readonly<Record<UsageKind, number>> = { rowsRead: 0, bytesRead: 1, statements: 2 };
const openMsIndex = 3;

/** What one identity has done in the last hour, minute by minute; adding and reading are a few additions. */
export class HourlyUsage {
  readonly #counts = new Float64Array(buckets * kinds);
  readonly #sums = new Float64Array(kinds);
  readonly #facts = { rowsRead: 0, bytesRead: 0, statements: 0, seconds: 0 };
  #minute = 0;
  /** Sessions that are open, each of which takes time, and until when theirs is counted. */
  #open = 0;
  #countedTo = 0;
  /** The oldest minute that was added to since `kept`. */
  #changedFrom = Infinity;

  add(kind: UsageKind, amount: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#put(indexOf[kind], amount);
  }

  opened(nowMs: number): void {
    this.#advance(nowMs);
    this.#open++;
  }

  closed(nowMs: number): void {
    this.#advance(nowMs);
    this.#open--;
  }

  /** The sums now. One object for all calls: read it before the next. */
  facts(nowMs: number): SessionFacts {
    this.#advance(nowMs);
    const [rowsRead = 0, bytesRead = 0, statements = 0, openMs = 0] = this.#sums;
    this.#facts.rowsRead = rowsRead;
    this.#facts.bytesRead = bytesRead;
    this.#facts.statements = statements;
    this.#facts.seconds = Math.floor(openMs / 1000);
    return this.#facts;
  }

  get hasOpenSessions(): boolean {
    return this.#open > 0;
  }

  get isEmpty(): boolean {
    return this.#sums.every((sum) => sum === 0);
  }

  /** Minutes that were added to since `kept`, for keeping over a restart. */
  changed(nowMs: number): readonly SavedMinute[] {
    this.#advance(nowMs);
    const saved: SavedMinute[] = [];
    const first = Math.max(this.#minute - buckets + 1, Math.min(this.#changedFrom, this.#minute + 1), 0);
    for (let minute = first; minute <= this.#minute; minute++) {
      const at = (minute % buckets) * kinds;
      const counts = [...this.#counts.subarray(at, at + kinds)];
      if (counts.every((count) => count === 0)) continue;
      saved.push([minute, ...counts.map((count, index) => (index === openMsIndex ? count / 1000 : count))]);
    }
    return saved;
  }

  /** What has changed is on the disk. */
  kept(): void {
    this.#changedFrom = Infinity;
  }

  restore(saved: readonly SavedMinute[], nowMs: number): void {
    this.#advance(nowMs);
    for (const [minute, ...counts] of saved) {
      // A clock that was set back must not make what was done vanish.
      if (minute <= this.#minute - buckets) continue;
      const at = (Math.min(minute, this.#minute) % buckets) * kinds;
      counts.forEach((saved, index) => {
        const count = index === openMsIndex ? Math.round(saved * 1000) : saved;
        this.#counts[at + index] = (this.#counts[at + index] ?? 0) + count;
        this.#sums[index] = (this.#sums[index] ?? 0) + count;
      });
    }
  }

  #advance(nowMs: number): void {
    const minute = Math.floor(nowMs / minuteMs);
    const firstNew = Math.max(this.#minute + 1, minute - buckets + 1);
    this.#countOpen(nowMs);
    for (let next = firstNew; next <= minute; next++) {
      const at = (next % buckets) * kinds;
      for (let index = 0; index < kinds; index++) {
        this.#sums[index] = (this.#sums[index] ?? 0) - (this.#counts[at + index] ?? 0);
        this.#counts[at + index] = 0;
      }
      this.#minute = next;
      this.#countOpen(nowMs);
    }
  }

  /** The time that open sessions have taken within this minute, until now. */
  #countOpen(nowMs: number): void {
    const from = Math.max(this.#countedTo, this.#minute * minuteMs);
    const to = Math.min(nowMs, (this.#minute + 1) * minuteMs);
    if (to <= from) return;
    this.#countedTo = to;
    if (this.#open > 0) this.#put(openMsIndex, this.#open * (to - from));
  }

  #put(index: number, amount: number): void {
    const at = (this.#minute % buckets) * kinds + index;
    this.#changedFrom = Math.min(this.#changedFrom, this.#minute);
    this.#counts[at] = (this.#counts[at] ?? 0) + amount;
    this.#sums[index] = (this.#sums[index] ?? 0) + amount;
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

  /** What was added to since `kept`; forgets nobody, since open sessions hold on to theirs. */
  changed(nowMs: number): readonly UsedMinute[] {
    return [...this.#byIdentity].flatMap(([identity, usage]) =>
      usage.changed(nowMs).map(([minute, ...counts]) => ({ identity, minute, counts })),
    );
  }

  /** All that has changed is on the disk. */
  kept(): void {
    for (const usage of this.#byIdentity.values()) usage.kept();
  }

  /** Drops identities that did nothing for an hour and have no session open. */
  forget(nowMs: number): void {
    for (const [identity, usage] of this.#byIdentity) {
      usage.facts(nowMs);
      if (usage.isEmpty && !usage.hasOpenSessions) this.#byIdentity.delete(identity);
    }
  }
}
