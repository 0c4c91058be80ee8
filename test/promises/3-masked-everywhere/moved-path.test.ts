import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { wire } from '../../support/raw-postgres.js';
import { play, type Script } from '../support/attack.js';
import { canaryForms, findCanary, worlds } from '../support/canaries.js';
import { openLab, type Lab } from '../support/lab.js';

const { parse, bind, execute, sync, query } = wire;
const secret = 'select reverse(status) as status from orders order by id';
const call = 'select enter_tenant()';
const strings = "select '\\' as a, ' , reverse(ssn) from users --'";

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
  await lab.direct(`create schema tenant; create view tenant.orders as select id, ssn as status from public.users;
    create function enter_tenant() returns int language plpgsql stable as
      $$ begin perform set_config('search_path', 'tenant', false); return 1; end $$;
    create function read_otherwise() returns int language plpgsql stable as
      $$ begin perform set_config('standard_conforming_strings', 'off', false); return 1; end $$;
    create function stay() returns int language plpgsql stable as $$ begin return 1; end $$;`);
});
afterAll(() => lab.close());

beforeEach(() => lab.enter(0));

const piped = (...texts: readonly string[]): Script => ({
  messages: [...texts.flatMap((text) => [parse('', text), bind('', ''), execute('')]), sync],
  ready: 1,
});

/** Functions of the database’s own set what they like for the rest of a session: names mean other tables then. */
describe('a function that moves what the session is pinned to', () => {
  it.each<readonly [how: string, script: Script]>([
    ['between two queries', [call, secret]],
    ['in one query', `${call}; ${secret}`],
    ['in queries sent along', { messages: [query(call), query(secret)], ready: 2 }],
    ['in a pipeline', piped(call, secret)],
    [
      'between Parse and Bind',
      {
        messages: [
          parse('a', secret),
          sync,
          parse('', call),
          bind('', ''),
          execute(''),
          bind('', 'a'),
          execute(''),
          sync,
        ],
        ready: 2,
      },
    ],
    [
      'between Bind and Execute of what finds its names when it runs',
      {
        messages: [
          parse('a', 'copy (select reverse(status) from orders order by id) to stdout'),
          bind('p', 'a'),
          parse('', call),
          bind('', ''),
          execute(''),
          execute('p'),
          sync,
        ],
        ready: 1,
      },
    ],
    ['between PREPARE and EXECUTE', [`prepare a as ${secret}`, call, 'execute a']],
    ['in a transaction', ['begin', call, secret]],
    ['the reading of texts, in a pipeline', piped('select read_otherwise()', strings)],
    [
      'the reading of texts, in queries sent along',
      { messages: [query('select read_otherwise()'), query(strings)], ready: 2 },
    ],
  ])('shows nothing: %s', async (_how, script) => {
    const forms = worlds.map(canaryForms)[0] ?? [];
    const control = await play(lab.directUri, script);
    expect(findCanary(control.bytes, forms), 'the control shows nothing').not.toBeNull();
    const { bytes, text } = await play(lab.trustedUri ?? '', script);
    expect(findCanary(bytes, forms), text).toBeNull();
    expect(text).toMatch(/pinned setting|permits infer/);
  });

  it('ends no session where it does not', async () => {
    const script = ['select stay()', 'begin', 'select stay()', 'select name from users order by id', 'commit'];
    const { text, transcripts } = await play(lab.trustedUri ?? '', script);
    expect(text, text).toContain('Cleo');
    expect(transcripts).toHaveLength(script.length);
    const failed = await play(lab.trustedUri ?? '', [
      'begin',
      'select stay(), 1 / 0',
      'select 1',
      'rollback',
      'select name from users',
    ]);
    expect(failed.text, failed.text).toContain('Cleo');
  });
});
