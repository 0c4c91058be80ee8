import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wire } from '../support/raw-postgres.js';
import { type OpenGateway, rawClient, startOpenGateway } from './open-gateway.js';
import { bothWays, play, transcriptTables } from './transcripts.js';

let gateway: OpenGateway;
beforeAll(async () => {
  gateway = await startOpenGateway(['both'], undefined, { server: { major: 18 } });
  await gateway.postgres.query(transcriptTables, 'both');
  await gateway.postgres.query('create table g (a int, b int generated always as (a * 2) virtual)', 'both');
}, 60_000);
afterAll(() => gateway.stop());

const first = 18_000_000;
const rounds = 60;

describe('on the newest major', () => {
  it(`the client’s transcript of ${rounds} random pipelines (seeds from ${first}) equals direct PostgreSQL’s`, async () => {
    expect(gateway.postgres.version).toMatch(/^18\./);
    for (let seed = first; seed < first + rounds; seed++) {
      const { sent, direct, through } = await bothWays(gateway, seed);
      expect(through, sent).toEqual(direct);
    }
  });

  it('rows, tags and errors of what 16 to 18 brought are the same as direct', async () => {
    const texts = [
      'merge into t using (values (1), (9)) v(id) on t.id = v.id when matched then update set name = $$m$$ when not matched then insert values (v.id, $$new$$) returning merge_action(), *, old.name, new.name',
      'merge into t using (select 2 as id) v on t.id = v.id when not matched by source and t.id > 3 then delete returning merge_action(), t.id',
      'update t set name = upper(name) where id < 3 returning with (old as was, new as "is") was.name, "is".*',
      'delete from t where id = 3 returning old.id, new.id',
      'insert into t values (1, $$x$$) on conflict (id) do update set name = excluded.name returning old.name, new.name',
      'create table h (a int, b int generated always as (a * 2) virtual, constraint c check (a > 0) not enforced)',
      'insert into g values (-1), (4) returning *',
      'alter table g add constraint n not null a not valid',
      'alter table g alter column b set expression as (a * 3)',
      'select b, b + 1 from g order by b',
      `select * from json_table('[{"a": 1}, {"a": "x"}]', '$[*]' columns (a int path '$.a' null on error))`,
      `select json_value('{"a": 1}', '$.a' returning int error on error), json_query('x', '$')`,
      'select any_value(id), array_sort(array[3, 1]), 1_000, 0xff from t where id = 1 group by ()',
      'select * from (select 1)',
      'select uuid_extract_version(uuidv7()), system_user is not null',
      'set transaction_timeout = 0; show transaction_timeout; reset transaction_timeout',
      'explain (costs off, memory off, serialize none) select 1',
      'selec',
    ];
    const prepared = (text: string) => [
      ...[wire.parse('', text), wire.describe('S', ''), wire.bind('', ''), wire.execute(''), wire.sync],
    ];
    // Nothing stays: both ways lead to the same database.
    const [begin, rollback] = ['begin', 'rollback'].map((text) => ({ messages: [wire.query(text)], ready: 1 }));
    const batches = texts
      .flatMap((text) => [[wire.query(text)], prepared(text)])
      .flatMap((messages) => [begin, { messages, ready: 1 }, rollback])
      .filter((batch) => batch !== undefined);
    expect(await play(gateway.through('both'), { batches })).toEqual(await play(gateway.direct('both'), { batches }));
  });

  it('copies rows in past those that are none, and says how many', async () => {
    const copy = {
      messages: [
        wire.query('copy s from stdin (on_error ignore, log_verbosity verbose, reject_limit 2)'),
        wire.copyData('1\nx\n2\n'),
        wire.copyDone,
      ],
      ready: 1,
    };
    const sent = { batches: [copy, { messages: [wire.query('select * from s')], ready: 1 }] };
    const through = await play(gateway.through('both'), sent);
    expect(through).toEqual(await play(gateway.direct('both'), sent));
    expect(through.some(([type, text]) => type === 'N' && text.includes('1 row was skipped'))).toBe(true);
  });

  it('tells the settings that this major tells of, and their changes', async () => {
    const clients = [await rawClient(gateway.direct('both')), await rawClient(gateway.through('both'))];
    try {
      const [direct, through] = clients.map(({ parameters }) => [...parameters.keys()].toSorted());
      expect(through).toEqual(direct);
      expect(through).toContain('search_path');
      const changes = await Promise.all(
        clients.map(async (client) => {
          client.send(wire.query("set timezone = 'Asia/Tokyo'; set search_path = ''"));
          return await client.until(1, (type, payload) => [String.fromCharCode(type), payload.toString('latin1')]);
        }),
      );
      expect(changes[1]).toEqual(changes[0]);
    } finally {
      clients.forEach((client) => client.end());
    }
  });
});
