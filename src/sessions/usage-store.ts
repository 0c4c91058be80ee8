/** What one identity did in one minute, which is counted from the epoch: rows, bytes, statements, seconds. */
export interface UsedMinute {
  readonly identity: string;
  readonly minute: number;
  readonly counts: readonly number[];
}

/** Where counts outlive a gateway. Each gateway writes its own, so that several can share a store and add them up. */
export interface UsageStore {
  /** The minutes after `since`, oldest first. */
  load(gateway: string, since: number): readonly UsedMinute[];
  /** Keeps these, each instead of what stood there, and forgets minutes up to `forgetUntil`, whoever's they are. */
  save(gateway: string, changed: readonly UsedMinute[], forgetUntil: number): void;
}
