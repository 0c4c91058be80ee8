const quarterMs = 15 * 60_000;
const weekdays: Readonly<Record<string, number>> = { Mon: 1, Tue: 2, Wed: 3, Thu: 4, Fri: 5, Sat: 6, Sun: 7 };

export interface LocalHour {
  /** 0–23 */
  readonly hour: number;
  /** 1 Monday – 7 Sunday */
  readonly weekday: number;
}

/** Hour and weekday in one time zone. Zones change their offset on a quarter of an hour at the finest: one look-up each. */
export class LocalTime {
  readonly #format: Intl.DateTimeFormat;
  #quarter = NaN;
  #known: LocalHour = { hour: 0, weekday: 1 };

  /** Throws RangeError for a zone that does not exist. */
  constructor(timeZone: string) {
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone, hour: 'numeric', weekday: 'short', hourCycle: 'h23' });
  }

  at(nowMs: number): LocalHour {
    const quarter = Math.floor(nowMs / quarterMs);
    if (quarter === this.#quarter) return this.#known;
    const parts = new Map(this.#format.formatToParts(nowMs).map(({ type, value }) => [type, value]));
    const weekday = weekdays[parts.get('weekday') ?? ''];
    if (weekday === undefined) throw new RangeError('no such moment');
    this.#known = { hour: Number(parts.get('hour')), weekday };
    this.#quarter = quarter;
    return this.#known;
  }
}

/** Says whether there is such a time zone, by the names of the IANA database. */
export function isTimeZone(name: string): boolean {
  try {
    return new LocalTime(name).at(0).weekday > 0;
  } catch {
    return false;
  }
}
