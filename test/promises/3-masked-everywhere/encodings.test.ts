import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { play } from '../support/attack.js';
import { openLab, type Lab } from '../support/lab.js';
import { testLeaks, type Attack } from '../support/leaks.js';

/** Two names of which a server makes one, or a parser that reads UTF-8 does, in two places: the outer one is hidden there. */
const behind = (outer: string, inner: string, read: string, secretIsInner = false): string => {
  const [far, near] = secretIsInner ? ['name', 'ssn'] : ['ssn', 'name'];
  return `with "${outer}" as (select ${far} as x from users order by id)
    select y.r from (with "${inner}" as (select ${near} as x from users order by id) select reverse(x) as r from "${read}") y`;
};
const long = 'é'.repeat(40);
const cut = 'é'.repeat(31); // what 63 bytes of UTF-8 hold of it

const inLatin1: readonly Attack[] = [
  { name: 'a name that is cut in UTF-8 and not in the server', script: behind(long, cut, long) },
  {
    name: 'a view that reads one',
    script: [
      `create view cut_names as ${behind(long, cut, long).replace('reverse(x)', 'x')}`,
      'select r from cut_names',
      'drop view cut_names',
    ],
    cleanup: 'drop view if exists cut_names',
  },
  {
    name: 'folding, which fails there for all but null',
    script: "select casefold(nullif(left(ssn, 1), 'Q')) from users where id = 1",
    since: 18,
  },
  {
    name: 'characters that are assigned, which fails there for all but null',
    script: "select unicode_assigned(nullif(left(ssn, 1), 'Q')) from users where id = 1",
    since: 17,
  },
];
const inEucJp: readonly Attack[] = [
  {
    name: 'a name that is cut in the server and not in UTF-8',
    script: behind('é'.repeat(21), 'é'.repeat(22), 'é'.repeat(21), true),
  },
  { name: 'two characters that are one in the server', script: behind('\u00a6', '\uffe4', '\u00a6', true) },
];

describe.each([
  ['LATIN1', inLatin1],
  ['EUC_JP', inEucJp],
] as const)('names in a database that is kept in %s', (encoding, attacks) => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab({ database: `encoding '${encoding}' template template0` });
  });
  afterAll(() => lab.close());

  testLeaks(attacks, () => lab);

  it('are what they are otherwise: no statement with short ones is refused', async () => {
    const sql = `select u."né" as "Größe", 'Äpfel ${long}${long}' from (select name as "né", id from users) u where id = 1`;
    const text = encoding === 'LATIN1' ? sql : sql.replaceAll('é', '名');
    const [direct, insider] = [await play(lab.directUri, text), await play(lab.insiderUri, text)];
    expect(direct.text).toContain('Ada');
    expect(insider.text).toBe(direct.text);
  });
});
