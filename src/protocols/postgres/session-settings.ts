import { createHmac } from 'node:crypto';
import { SluiceError } from '../../lib/errors.js';
import { changesReading } from '../../analysis/postgres/parameters.js';
import type { StatementAnalysis } from '../../analysis/postgres-types.js';
import { runsOwnCode } from './pinned-settings.js';

/** No client sets as many; what is beyond could not be told to who approves. */
const maxTouched = 1000;
/** Whose values the server tells at the start. */
const told = ['datestyle', 'intervalstyle', 'timezone'];

type Ask = (sql: string) => Promise<string>;

/**
 * Settings that decide how texts and values are read, and that this session has changed: what people approve, they approve
 * under these.
 */
export class SessionSettings {
  /** As the client chose them at the start. */
  readonly #chosen: ReadonlyMap<string, string>;
  /** As the server had them then. */
  readonly #before: ReadonlyMap<string, string>;
  readonly #touched = new Set<string>();
  /** What these were set to stood in no text: it may have been read from a protected column. */
  readonly #unread = new Set<string>();
  readonly #key: Buffer;
  #now: readonly (readonly [name: string, value: string | null])[] = [];

  constructor(chosen: ReadonlyMap<string, string>, before: ReadonlyMap<string, string>, key: Buffer) {
    this.#key = key;
    this.#chosen = lowerCased(chosen);
    this.#before = new Map([...lowerCased(before), ['role', 'none']]);
  }

  /** Called for every statement before it leaves. Throws where more is set than can be told. */
  noteSent(statement: StatementAnalysis): void {
    for (const { action, facts } of statement.effects) {
      if (action !== 'setSafeParameter' && action !== 'setParameter' && action !== 'setRole') continue;
      if (!changesReading(facts.object)) continue;
      this.#touched.add(facts.object);
      if (action === 'setParameter') this.#unread.add(facts.object);
    }
    if (runsOwnCode(statement)) {
      for (const name of told) {
        this.#touched.add(name);
        this.#unread.add(name);
      }
    }
    if (this.#touched.size > maxTouched)
      throw new SluiceError('unexpected', `more than ${maxTouched} settings were set; the session ends to be safe`);
  }

  get isTouched(): boolean {
    return this.#touched.size > 0;
  }

  async look(ask: Ask): Promise<void> {
    const names = [...this.#touched].map((name) => `'${name.replaceAll("'", "''")}'`).join(', ');
    const answer = await ask(
      `select pg_catalog.json_agg(array[name, pg_catalog.current_setting(name, true)])::text as row from pg_catalog.unnest(array[${names}]) name`,
    );
    this.#now = JSON.parse(answer) as (readonly [string, string | null])[];
  }

  /** One line a setting, as it was when one last looked. */
  get lines(): readonly string[] {
    const values = new Map(this.#chosen);
    for (const [name, value] of this.#now) {
      if (value !== null && value !== this.#before.get(name)) values.set(name, this.#shown(name, value));
    }
    return [...values].filter(([name]) => changesReading(name)).map(([name, value]) => `${name} = ${value}`);
  }

  /** Another value has another mark; nobody can find it by its mark, or compare it with what else is marked. */
  #shown(name: string, value: string): string {
    if (!this.#unread.has(name)) return value;
    const mark = createHmac('sha256', this.#key).update(`setting\0${name}\0${value}`).digest('hex');
    return `(not shown: ${mark.slice(0, 16)})`;
  }
}

function lowerCased(settings: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...settings].map(([name, value]) => [name.toLowerCase(), value]));
}
