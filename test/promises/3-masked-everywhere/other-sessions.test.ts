import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wire } from '../../support/raw-postgres.js';
import { isRefused, play } from '../support/attack.js';
import { canaryForms, findCanary, worlds } from '../support/canaries.js';
import { openLab, type Lab } from '../support/lab.js';
import { textOf, WireSession } from '../support/wire-session.js';

/** What the server tells one session of the statements of another, or of those that a function has made of values. */
let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

const doors = (): readonly (readonly [string, string])[] =>
  [['insider', lab.insiderUri] as const, ['trusted', lab.trustedUri] as const].flatMap(([door, uri]) =>
    uri === null ? [] : [[door, uri] as const],
  );

describe('the statements of other sessions', () => {
  it.each([
    ['as they are', "select query from pg_stat_activity where state = 'idle' order by pid"],
    ['by the functions under the view', 'select query from pg_stat_get_activity(null) order by pid'],
    ['one by one', 'select pg_stat_get_backend_activity(i) from pg_stat_get_backend_idset() i'],
    ['turned round', 'select reverse(query) from pg_catalog.pg_stat_activity order by pid'],
    ['as rows', 'select a from pg_stat_activity a order by pid'],
    ['as json', 'select jsonb_agg(a) from pg_stat_activity a'],
    [
      'counted by what they say',
      "select count(*) from pg_stat_activity where query like '%QXZ-41-7W93%' and pid <> pg_backend_pid()",
    ],
    ['copied out', 'copy (select query from pg_stat_activity order by pid) to stdout'],
  ])('show no value that was typed there: %s', async (_how, sql) => {
    const seen: Record<string, string[]> = {};
    for (const world of [0, 1] as const) {
      await lab.enter(world);
      const [person] = worlds[world];
      // Somebody else, past the gateway: what they typed still stands in the server’s list of sessions.
      const other = await WireSession.open(lab.directUri);
      other.send(wire.query(`select '${person?.ssn ?? ''}' = '${person?.email ?? ''}'`));
      expect(textOf(await other.until(1))).toContain('f');
      for (const [door, uri] of [['direct', lab.directUri] as const, ...doors()]) {
        const played = await play(uri, sql);
        (seen[door] ??= []).push(played.text.replaceAll(/\b\d{2,}\b/g, '#'));
        if (door === 'direct') continue;
        expect
          .soft(findCanary(played.bytes, canaryForms(world === 0 ? worlds[0] : worlds[1])), `${door}: ${played.text}`)
          .toBeNull();
      }
      other.close();
    }
    const [first, second] = seen['direct'] ?? [];
    expect(first, 'the control learns nothing').not.toBe(second);
    if (!sql.includes('count(*)')) return;
    for (const [door] of doors())
      expect(seen[door]?.[0], `${door}: the worlds can be told apart`).toBe(seen[door]?.[1]);
  });
});

describe('statements that a function has made of values', () => {
  const declared = ["select tell_cursor('mine')", 'select statement from pg_cursors'];
  const prepared = ['select tell_prepared()', 'select statement from pg_prepared_statements'];
  const memory = "select ident from pg_backend_memory_contexts where name = 'CachedPlanSource'";
  it.each<[string, string[], number?]>([
    ['a cursor’s', ['begin', ...declared]],
    [
      'a cursor’s, in a condition',
      ['begin', declared[0] ?? '', "select count(*) from pg_cursors where statement like '%QXZ%'"],
    ],
    ['a prepared statement’s', prepared],
    ['a prepared statement’s, as rows', [prepared[0] ?? '', 'select p from pg_prepared_statements p']],
    ['a prepared statement’s, where it is kept', [prepared[0] ?? '', memory], 14],
    ['a prepared statement’s, among all that is kept', [prepared[0] ?? '', 'table pg_backend_memory_contexts'], 14],
  ])('are not shown: %s', async (_what, script, since = 0) => {
    await lab.direct(`
      create or replace function tell_cursor(refcursor) returns text language plpgsql stable as
        $$ begin open $1 for execute format('select %L::text', (select ssn from public.users where id = 1)); return 'open'; end $$;
      create or replace function prepare_told() returns text language plpgsql volatile as
        $$ begin execute format('prepare told as select %L::text', (select ssn from public.users where id = 1)); return 'made'; end $$;
      create or replace function tell_prepared() returns text language plpgsql stable as 'begin return prepare_told(); end'`);
    await lab.enter(0);
    const control = await play(lab.directUri, script);
    if (lab.major >= since) {
      expect(isRefused(control), `the control fails: ${control.text}`).toBe(false);
      if (!script.some((sql) => sql.includes('count(*)')))
        expect(control.text, 'the control learns nothing').toContain('QXZ-41-7W93');
    }
    for (const [door, uri] of doors()) {
      const played = await play(uri, script);
      expect(findCanary(played.bytes, canaryForms(worlds[0])), `${door}: ${played.text}`).toBeNull();
    }
    await lab.direct(
      'drop function tell_cursor(refcursor); drop function tell_prepared(); drop function prepare_told()',
    );
  });
});
