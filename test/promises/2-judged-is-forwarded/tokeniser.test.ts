import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { wire } from '../../support/raw-postgres.js';
import { isRefused, play, type Script } from '../support/attack.js';
import { openLab, type Lab } from '../support/lab.js';
import { targetOf, WireSession } from '../support/wire-session.js';

/** Two readers of one text: with `standard_conforming_strings` off the server ends a string elsewhere than the parser. */
const harmless = "select '\\' as a, ' ; drop table archive; --' as b";

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

const names = (): { readonly role: string; readonly database: string } => {
  const { username, database } = targetOf(lab.directUri);
  return { role: username ?? '', database: database ?? '' };
};

/** Sends texts one by one, and gives all that came. */
async function texts(uri: string, script: readonly string[]): Promise<string> {
  return (await play(uri, script)).text;
}

describe('a role, or a database, whose settings make the server read other SQL', () => {
  const settings: readonly (readonly [what: string, alter: (of: ReturnType<typeof names>) => string])[] = [
    ['of the role', ({ role: of }) => `alter role ${of} set standard_conforming_strings = off`],
    ['of the database', ({ database: of }) => `alter database ${of} set standard_conforming_strings = off`],
    [
      'of the role in the database',
      (of) => `alter role ${of.role} in database ${of.database} set standard_conforming_strings = off`,
    ],
    ['of every role', () => 'alter role all set standard_conforming_strings = off'],
  ];
  beforeEach(() => lab.enter(0));
  afterEach(async () => {
    const { role: of, database: at } = names();
    await lab.direct(
      `alter role ${of} reset all; alter role ${of} in database ${at} reset all; alter database ${at} reset all; alter role all reset all`,
    );
  });

  it.each(settings)('is read as it was judged: %s', async (_what, alter) => {
    await lab.direct(alter(names()));
    const control = await texts(lab.directUri, ['begin', harmless, 'rollback']);
    expect(control, 'the control drops nothing').toMatch(/^C DROP TABLE/m);
    const before = await lab.fingerprint();
    // Whatever is put back to what it was, it was ours.
    for (const first of ['select 1', 'reset standard_conforming_strings', 'reset all', 'discard all']) {
      const seen = await texts(lab.insiderUri, [first, harmless, 'show standard_conforming_strings']);
      expect(seen, first).toContain(' ; drop table archive; --');
      expect(seen, first).not.toMatch(/^C DROP/m);
      expect(seen.replaceAll(/[^\x20-\x7e\n]/g, ''), first).toMatch(/^D on$/m);
    }
    expect(await lab.fingerprint()).toBe(before);
  });

  it('logs in under the encoding and the search path that are pinned, whatever the role’s own are', async () => {
    const { role: of } = names();
    await lab.direct(
      `alter role ${of} set client_encoding = 'SJIS'; alter role ${of} set search_path = pg_temp, other`,
    );
    await lab.direct(`alter role ${of} set backslash_quote = on; alter role ${of} set transform_null_equals = on`);
    const session = await WireSession.open(lab.insiderUri);
    expect(session.parameters.get('client_encoding')).toBe('UTF8');
    session.close();
    const show = ['show client_encoding', 'show search_path', 'select name from archive'];
    const seen = await texts(lab.insiderUri, show);
    expect(seen).toContain('UTF8');
    expect(seen).not.toContain('pg_temp');
    expect(seen).toContain('old');
  });
});

describe('settings changed and used in one pipeline, before any answer came', () => {
  const pipeline = (...sql: readonly (string | readonly [string, ...string[]])[]): Script => ({
    messages: [
      ...sql.flatMap((each) => {
        const [text, ...values] = typeof each === 'string' ? [each] : each;
        return [wire.parse('', text), wire.bind('', '', values), wire.execute('')];
      }),
      wire.sync,
    ],
    ready: 1,
  });
  const set = "select set_config('standard_conforming_strings', 'off', true)";

  it.each([
    ['SET', 'set standard_conforming_strings = off'],
    ['SET LOCAL, which tells nobody', 'set local standard_conforming_strings = off'],
    ['set_config', set],
    ['set_config of parameters', ['select set_config($1, $2, true)', 'standard_conforming_strings', 'off'] as const],
    ['pg_settings', "update pg_settings set setting = 'off' where name = 'standard_conforming_strings'"],
  ])('do nothing: %s', async (_how, change) => {
    await lab.enter(0);
    const before = await lab.fingerprint();
    // The control: one message holds one statement, so what the server makes of it is another error, not the two columns.
    const direct = await play(lab.directUri, pipeline('begin', change, harmless));
    expect(direct.text, 'the control reads the text as it was judged').not.toContain(' ; drop table archive; --');
    const queries = await play(lab.directUri, {
      messages: [...messagesOf(pipeline('begin', change)), wire.query(harmless), wire.query('rollback')],
      ready: 3,
    });
    expect(queries.text, 'the control drops nothing').toMatch(/^C DROP TABLE/m);
    for (const script of [
      pipeline('begin', change, harmless),
      { messages: [...messagesOf(pipeline('begin', change)), wire.query(harmless), wire.query('commit')], ready: 3 },
      { messages: [...messagesOf(pipeline(change)), wire.query(harmless), wire.query('drop table archive')], ready: 3 },
    ]) {
      const played = await play(lab.insiderUri, script);
      expect(isRefused(played), played.text).toBe(true);
      expect(played.text).not.toMatch(/^C DROP/m);
    }
    expect(await lab.fingerprint()).toBe(before);
  });
});

const messagesOf = (script: Script): readonly Buffer[] =>
  typeof script === 'object' && 'messages' in script ? script.messages : [];
