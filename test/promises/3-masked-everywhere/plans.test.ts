import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { play } from '../support/attack.js';
import { canaryForms, findCanary, worlds } from '../support/canaries.js';
import { openLab, type Lab } from '../support/lab.js';
import { testLeaks } from '../support/leaks.js';
import { planForms } from './plan-forms.js';

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
}, 60_000);
afterAll(() => lab.close());

describe('a plan', () => {
  testLeaks(planForms, () => lab);
});

/** Scripts whose last statements answer for those before them. */
const late: Readonly<Record<string, readonly string[]>> = {
  'at a commit': ['begin', 'update users set name = name where id = 1', 'commit'],
  'when constraints are set': [
    'begin',
    'update users set name = name where id = 1',
    'set constraints all immediate',
    'rollback',
  ],
  'at the end of a cursor': [
    'begin',
    'declare c cursor for select * from only users',
    'fetch 1 from c',
    'close c',
    'rollback',
  ],
  'at the end of all cursors': [
    'begin',
    'declare c cursor for select * from only users',
    'fetch 1 from c',
    'close all',
    'rollback',
  ],
  'of a cursor at the end of its transaction': [
    'begin',
    'declare c cursor for select * from only users',
    'fetch 1 from c',
    'commit',
  ],
  'of a cursor at the end of its savepoint': [
    'begin',
    'savepoint s',
    'declare c cursor for select * from only users',
    'fetch 1 from c',
    'rollback to s',
    'rollback',
  ],
};

/**
 * A module of the server that tells each plan as it ends, with the widths of its columns, and a trigger that speaks of
 * rows only when the transaction ends: both speak in answers to statements that read nothing.
 */
describe('what the server says later of what a statement has read', () => {
  const modules = ['session_preload_libraries', 'auto_explain.log_min_duration', 'auto_explain.log_level'] as const;
  beforeAll(async () => {
    await lab.direct(`
      create function tell_row() returns trigger language plpgsql stable as
        $$ begin raise notice 'changed %', reverse(new.ssn); return new; end $$;
      create constraint trigger told after update on users deferrable initially deferred for each row execute function tell_row();
      do $$ begin execute format('alter database %I set session_preload_libraries = auto_explain', current_database());
        execute format('alter database %I set auto_explain.log_min_duration = 0', current_database());
        execute format('alter database %I set auto_explain.log_level = notice', current_database()); end $$`);
  });
  afterAll(async () => {
    const reset = modules.map((name) => `execute format('alter database %I reset ${name}', current_database());`);
    await lab.direct(`drop function tell_row() cascade; do $$ begin ${reset.join(' ')} end $$`);
  });
  const durations = (text: string): string => text.replaceAll(/duration: [\d.]+/g, 'duration: #');

  it.each(Object.entries(late))('is withheld: %s', async (_when, script) => {
    const seen: Record<string, string[]> = {};
    for (const world of [0, 1] as const) {
      await lab.enter(world);
      for (const [door, uri] of [
        ['direct', lab.directUri],
        ['trusted', lab.trustedUri ?? lab.insiderUri],
      ] as const) {
        const played = await play(uri, script);
        (seen[door] ??= []).push(durations(played.text));
        if (door === 'direct') continue;
        const forms = canaryForms(worlds[world]);
        expect.soft(findCanary(played.bytes, forms), `${door}: canary in ${played.text}`).toBeNull();
      }
    }
    expect(seen['direct']?.[0], 'the control learns nothing').not.toBe(seen['direct']?.[1]);
    expect(seen['trusted']?.[0], 'the worlds can be told apart').toBe(seen['trusted']?.[1]);
  });
});
