import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wire } from '../../support/raw-postgres.js';
import type { Lane } from '../support/attack.js';
import { canaryForms, findCanary, worlds } from '../support/canaries.js';
import { openLab, type Lab } from '../support/lab.js';
import { errorCode, textOf, WireSession } from '../support/wire-session.js';

/** One session makes another wait for a lock, and gives what that one reads another meaning, or other rows, before it goes on. */
interface Race {
  readonly made: readonly string[];
  readonly meanwhile: readonly string[];
  /** Read by the one that waits for `stolen_s.l`, after `first` and before `then`. */
  readonly read: string;
  readonly first?: readonly string[];
  readonly then?: readonly string[];
  /** Needs that somebody may infer: the values must come masked all the same. */
  readonly infers?: boolean;
  readonly cleanup?: string;
}

const typed = {
  made: [
    'create type stolen_s.c as (a text, b text)',
    "create function stolen_s.f() returns stolen_s.c language sql stable as 'select name, reverse(ssn) from users where id = 1'",
    'create table stolen_s.l (id int)',
    'insert into stolen_s.l values (1)',
  ],
  meanwhile: ['alter type stolen_s.c rename attribute a to x', 'alter type stolen_s.c rename attribute b to a'],
};
const copied = {
  made: ['create table stolen_s.l (id int, note text)'],
  meanwhile: ['insert into stolen_s.l select id, reverse(ssn) from users'],
  infers: true,
};

const races: Readonly<Record<string, Race>> = {
  'columns of a type that a function gives': { ...typed, read: 'select (stolen_s.f()).a from stolen_s.l' },
  'columns of a type that a function in FROM gives': { ...typed, read: 'select a from stolen_s.l, stolen_s.f()' },
  'columns of a table whose rows a function gives': {
    made: typed.made.map((sql) => sql.replace('create type stolen_s.c as', 'create table stolen_s.c')),
    meanwhile: ['alter table stolen_s.c rename a to x', 'alter table stolen_s.c rename b to a'],
    read: 'select (stolen_s.f()).a from stolen_s.l',
  },
  'columns of a type, in a cursor': {
    ...typed,
    first: ['begin'],
    read: 'declare c cursor for select (stolen_s.f()).a from stolen_s.l',
    then: ['fetch all from c'],
  },
  'columns of a type, written': {
    ...typed,
    read: 'create table stolen_s.kept as select (stolen_s.f()).a as n from stolen_s.l',
    then: ['select n from stolen_s.kept'],
  },
  'a copy': { ...copied, read: "select note || '' from stolen_s.l" },
  'a copy, in a prepared statement': {
    ...copied,
    read: "prepare p as select note || '' from stolen_s.l",
    then: ['execute p'],
  },
  'a copy, in a cursor': {
    ...copied,
    read: "declare c cursor with hold for select note || '' from stolen_s.l",
    then: ['fetch all from c'],
  },
  'a copy, copied on': {
    ...copied,
    read: "create table stolen_s.kept as select note || '' as n from stolen_s.l",
    then: ['select n from stolen_s.kept'],
  },
  'a column that becomes a copy': {
    made: ['create table stolen_s.l (id int, note text)', "insert into stolen_s.l values (1, 'x')"],
    meanwhile: ['alter table stolen_s.l alter note type text using reverse(ssn_by_id(1))'],
    read: "select note || '' from stolen_s.l",
    infers: true,
  },
  'a parent that is given a child': {
    made: ['create table stolen_s.l (id int, ssn text)'],
    meanwhile: ['alter table users inherit stolen_s.l'],
    read: 'select reverse(ssn) from stolen_s.l',
    infers: true,
    cleanup: 'alter table if exists users no inherit stolen_s.l',
  },
  'a table that is given a partition': {
    made: ['create table stolen_s.l (id int, kind text, card text) partition by list (kind)'],
    meanwhile: ["alter table stolen_s.l attach partition wallets for values in ('kind')"],
    read: 'select reverse(card) from stolen_s.l',
    infers: true,
    cleanup: 'alter table stolen_s.l detach partition wallets',
  },
};

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

async function ask(session: WireSession, sql: string): Promise<void> {
  session.send(wire.query(sql));
  const transcript = await session.until(1);
  expect(errorCode(transcript), `${sql}: ${textOf(transcript)}`).toBe('');
}

/** What the one that waits gets to see. */
async function run(uri: string, { made, meanwhile, first = [], read, then = [] }: Race, lane: Lane): Promise<Buffer> {
  const [one, other] = [await WireSession.open(uri), await WireSession.open(uri)];
  try {
    for (const sql of made) await ask(one, sql);
    for (const sql of first) await ask(other, sql);
    for (const sql of ['begin', 'lock table stolen_s.l']) await ask(one, sql);
    if (lane === 'simple') other.send(wire.query(read));
    else other.send(wire.parse('', read), wire.bind('', '', []), wire.execute(''), wire.sync);
    const answered = other.until(1);
    await expect
      .poll(() => lab.direct("select from pg_stat_activity where wait_event_type = 'Lock'"), { timeout: 60_000 })
      .toHaveLength(1);
    for (const sql of [...meanwhile, 'commit']) await ask(one, sql);
    const transcript = await answered;
    expect(errorCode(transcript), textOf(transcript)).toBe('');
    for (const sql of then) await ask(other, sql);
    return other.bytes;
  } finally {
    for (const session of [one, other]) session.close();
  }
}

describe('what becomes of a name while a statement waits for it shows nothing', () => {
  const forms = canaryForms(worlds[0]);
  it.each(Object.entries(races))('%s', async (_what, race) => {
    await lab.enter(0);
    const uri = race.infers === true ? lab.inferringUri : lab.trustedUri;
    for (const door of [lab.directUri, uri]) {
      if (door === null) continue;
      for (const lane of race.then === undefined ? (['simple', 'extended'] as const) : (['simple'] as const)) {
        await lab.direct('create schema stolen_s');
        try {
          const found = findCanary(await run(door, race, lane), forms);
          if (door === lab.directUri) expect.soft(found, `${lane}: the control learns nothing`).not.toBeNull();
          else expect.soft(found, `${lane}: a canary`).toBeNull();
        } finally {
          await lab.deserted();
          if (race.cleanup !== undefined) await lab.direct(race.cleanup);
          await lab.direct('drop schema stolen_s cascade');
        }
      }
    }
  });
});
