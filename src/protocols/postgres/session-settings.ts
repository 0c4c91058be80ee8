import { SluiceError } from '../../lib/errors.js';
import { changesReading } from '../../analysis/postgres/parameters.js';
import type { StatementAnalysis } from '../../analysis/postgres-types.js';
import { runsOwnCode } from './pinned-settings.js';

/** No client sets as many; what is beyond could not be told to who approves. */
const maxTouched = 1000;
/** Whose values the server tells at the start. */
const told = ['datestyle', 'intervalstyle', 'timezone'];

type Ask = (sql: string) => Promise<string>;

/** Settings that decide how texts and values are read, and that this session has changed: what people approve, they approve under these. */
export class SessionSettings {
  /** As the client chose them at the start. */
  readonly #chosen: ReadonlyMap<string, string>;
  /** As the server had them then. */
  readonly #before: ReadonlyMap<string, string>;
  readonly #touched = new Set<string>();
  #now: readonly (readonly [name: string, value: string | null])[] = [];

  constructor(chosen: ReadonlyMap<string, string>, told: ReadonlyMap<string, string>) {
    this.#chosen = lowerCased(chosen);
    this.#before = new Map([...lowerCased(told), ['role', 'none']]);
  }

  /** Called for every statement before it leaves. Throws where more is set than can be told. */
  noteSent(statement: StatementAnalysis): void {
    for (const { action, facts } of statement.effects) {
      if (action !== 'setSafeParameter' && action !== 'setParameter' && action !== 'setRole') continue;
      if (changesReading(facts.object)) this.#touched.add(facts.object);
    }
    if (runsOwnCode(statement)) for (const name of told) this.#touched.add(name);
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
      if (value !== null && value !== this.#before.get(name)) values.set(name, value);
    }
    return [...values].filter(([name]) => changesReading(name)).map(([name, value]) => `${name} = ${value}`);
  }
}

function lowerCased(settings: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...settings].map(([name, value]) => [name.toLowerCase(), value]));
}
