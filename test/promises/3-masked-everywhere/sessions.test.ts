import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wire } from '../../support/raw-postgres.js';
import { canaryForms, findCanary, worlds } from '../support/canaries.js';
import { openLab, type Lab } from '../support/lab.js';
import { testLeaks } from '../support/leaks.js';
import { textOf, WireSession } from '../support/wire-session.js';
import { sessionForms } from './session-forms.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

describe('a protected value under a name that means something else by now', () => {
  testLeaks(sessionForms, () => lab);
});

const forms = canaryForms(worlds[0]);
const hasCanary = (text: string): boolean => findCanary(Buffer.from(text, 'latin1'), forms) !== null;

/** Asks in one of several sessions, which go on. */
async function ask(session: WireSession, sql: string): Promise<string> {
  session.send(wire.query(sql));
  return textOf(await session.until(1));
}

async function openTwo(uri: string): Promise<readonly [WireSession, WireSession]> {
  await lab.enter(0);
  return [await WireSession.open(uri), await WireSession.open(uri)];
}

describe('a protected value under a name that another session changes', () => {
  const harmless = 'create or replace view user_names as select id, name from users';
  const leaky = 'create or replace view user_names as select id, reverse(ssn) as name from users';
  const look = 'select upper(name) from user_names order by id';
  const uri = (): string => lab.trustedUri ?? lab.insiderUri;

  it.each(['commit and chain', 'commit; begin', 'commit; select 1; begin'])('is masked behind: %s', async (end) => {
    for (const door of [lab.directUri, uri()]) {
      const [changing, looking] = await openTwo(door);
      expect(await ask(looking, look)).toContain('D ');
      for (const sql of ['begin', leaky, end]) await ask(changing, sql);
      expect(hasCanary(await ask(looking, look)), door).toBe(door === lab.directUri);
      for (const session of [changing, looking]) session.close();
      await lab.direct(harmless);
    }
  });

  /** Until the server has let a statement wait for a lock. */
  const isWaiting = (): Promise<void> =>
    expect.poll(() => lab.direct('select from pg_locks where not granted'), { timeout: 20_000 }).toHaveLength(1);
  const restore = `${harmless}; drop function if exists stolen_fn(); truncate archive`;
  const define = (column: string): string =>
    `create or replace function stolen_fn() returns text language sql stable as 'select reverse(${column}) from users where id = 1'`;
  const copy = "insert into archive select id, upper(name), '' from user_names";

  it.each([
    { what: 'a view, for its own lock', first: [leaky], held: look, then: [] },
    {
      what: 'a view, for another lock',
      first: ['lock table lookup'],
      held: `select n.name from lookup, user_names n`,
      then: [leaky],
    },
    {
      what: 'a view, for another lock, by the extended protocol',
      first: ['lock table lookup'],
      held: 'copy (select upper(n.name) from lookup, user_names n) to stdout',
      then: [leaky],
    },
    { what: 'a function', first: ['lock table lookup'], held: 'select stolen_fn() from lookup', then: [define('ssn')] },
    { what: 'a view that is copied', first: [leaky], held: copy, then: [], after: 'select lower(name) from archive' },
  ])('is masked in what waits while it is changed: $what', async ({ first, held, then, after }) => {
    for (const door of [lab.directUri, uri()]) {
      const [changing, looking] = await openTwo(door);
      await ask(changing, define('name'));
      await ask(looking, 'select stolen_fn() from lookup');
      for (const sql of ['begin', ...first]) await ask(changing, sql);
      looking.send(wire.query(held));
      await isWaiting();
      for (const sql of [...then, 'commit']) expect(await ask(changing, sql)).not.toMatch(/^E /m);
      let seen = textOf(await looking.until(1));
      if (after !== undefined) seen = await ask(looking, after);
      expect(hasCanary(seen), `${door}: ${seen}`).toBe(door === lab.directUri);
      for (const session of [changing, looking]) session.close();
      await lab.direct(restore);
    }
  });

  it('is masked in a session that keeps its path when its role gets another', async () => {
    const own = 'select reverse(ssn) from users order by id';
    const [changing, looking] = await openTwo(uri());
    expect(hasCanary(await ask(looking, own))).toBe(false);
    await lab.direct(
      'create schema elsewhere; create table elsewhere.users (id int, ssn text); alter role lab_owner set search_path = elsewhere, public',
    );
    // The gateway reads the catalog again, over a connection of its own which has the new path.
    expect(await ask(changing, "comment on table archive is 'read again'")).toContain('C COMMENT');
    expect(hasCanary(await ask(looking, own))).toBe(false);
    expect(await ask(looking, 'select name from users order by id')).toContain('Ada');
    for (const session of [changing, looking]) session.close();
    await lab.deserted();
    await lab.direct('alter role lab_owner reset search_path; drop schema elsewhere cascade');
  });
});
