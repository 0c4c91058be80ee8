import { afterAll, beforeAll, describe } from 'vitest';
import { wire } from '../../support/raw-postgres.js';
import { openLab, type Lab } from '../support/lab.js';
import { testLeaks, type Attack } from '../support/leaks.js';

const { parse, bind, execute, describe: ask, close, sync, flush, query } = wire;
const secret = 'select reverse(ssn) as name from users order by id';
const open = 'select name from users order by id';
const run = (...messages: readonly Buffer[]): Attack['script'] => ({
  messages,
  ready: messages.filter((message) => message[0] === 0x53 || message[0] === 0x51).length,
});

/** README.md, B: what the protocol lets a client say, and in which order. */
const attacks: readonly Attack[] = [
  { name: 'Execute without Describe', script: run(parse('', secret), bind('', ''), execute(''), sync) },
  {
    name: 'binary results',
    script: run(
      parse('', 'select ssn, salary, profile, salary::float8, salary::int from users order by id'),
      bind('', '', [], true),
      execute(''),
      sync,
    ),
  },
  {
    name: 'Describe of another portal first',
    script: run(
      parse('a', open),
      parse('b', secret),
      bind('p', 'a'),
      bind('q', 'b'),
      ask('P', 'p'),
      execute('q'),
      sync,
    ),
  },
  {
    name: 'Describe of the statement alone',
    script: run(parse('a', secret), ask('S', 'a'), bind('', 'a'), execute(''), sync),
  },
  {
    name: 'a statement made anew under its name',
    script: run(parse('a', open), sync, close('S', 'a'), parse('a', secret), bind('', 'a'), execute(''), sync),
  },
  {
    name: 'a statement that a failed pipeline did not make',
    script: run(
      parse('', secret),
      sync,
      parse('x', 'select 1/0'),
      bind('', 'x'),
      execute(''),
      parse('', open),
      sync,
      bind('', ''),
      execute(''),
      sync,
    ),
  },
  {
    name: 'a named statement that a failed pipeline did not close',
    script: run(
      parse('a', secret),
      sync,
      parse('x', 'select 1/0'),
      bind('', 'x'),
      execute(''),
      close('S', 'a'),
      parse('a', open),
      sync,
      bind('', 'a'),
      execute(''),
      sync,
    ),
  },
  {
    name: 'a portal made anew under its name',
    harmlessDirectly: 'the server reads the second',
    script: run(
      query('begin'),
      parse('a', secret),
      bind('p', 'a'),
      sync,
      parse('b', open),
      close('P', 'p'),
      bind('p', 'b'),
      sync,
      execute('p'),
      sync,
      query('rollback'),
    ),
  },
  {
    name: 'a portal read on in parts',
    script: run(parse('', secret), bind('p', ''), execute('p', 1), execute('p', 1), execute('p', 0), sync),
  },
  {
    name: 'a portal read on behind a Flush',
    script: run(parse('', secret), bind('p', ''), execute('p', 1), flush, execute('p', 1), sync),
  },
  {
    name: 'a portal left open in a transaction',
    script: run(
      query('begin'),
      parse('', secret),
      bind('p', ''),
      execute('p', 1),
      sync,
      execute('p', 2),
      sync,
      query('rollback'),
    ),
  },
  {
    name: 'FETCH from a portal of the wire',
    script: run(query('begin'), parse('', secret), bind('p', ''), sync, query('fetch all from p'), query('rollback')),
  },
  { name: 'EXECUTE of a statement of the wire', script: run(parse('a', secret), sync, query('execute a')) },
  {
    name: 'Bind to a statement of SQL',
    script: run(query(`prepare a as ${secret}`), bind('', 'a'), execute(''), sync),
  },
  {
    name: 'a portal over a cursor',
    script: run(
      query('begin'),
      query(`declare c cursor for ${secret}`),
      parse('', 'fetch all from c'),
      bind('', ''),
      execute(''),
      sync,
      query('rollback'),
    ),
  },
  {
    name: 'a cursor changed between Bind and Execute',
    script: run(
      query('begin'),
      query(`declare c cursor for ${open}`),
      parse('', 'fetch all from c'),
      bind('p', ''),
      parse('x', 'close c'),
      bind('', 'x'),
      execute(''),
      parse('y', `declare c cursor for ${secret}`),
      bind('', 'y'),
      execute(''),
      execute('p'),
      sync,
      query('rollback'),
    ),
  },
  {
    name: 'a guess as a parameter',
    script: run(parse('', 'select id from users where ssn = $1'), bind('', '', ['QXZ-41-7W93']), execute(''), sync),
  },
  {
    name: 'a guess as a parameter of a join',
    script: run(
      parse('', 'select x from (values ($1::text)) v(x) join users on ssn = x'),
      bind('', '', ['QXZ-41-7W93']),
      execute(''),
      sync,
    ),
  },
  {
    name: 'COPY by the extended protocol',
    script: run(
      parse('', 'copy (select reverse(ssn) from users order by id) to stdout'),
      bind('', ''),
      execute(''),
      sync,
    ),
  },
  {
    name: 'COPY in binary by the extended protocol',
    script: run(
      parse('', 'copy (select ssn, salary from users order by id) to stdout (format binary)'),
      bind('', ''),
      execute(''),
      sync,
    ),
  },
  { name: 'many statements in one Query', script: run(query(`${open}; ${secret}; ${open}`)) },
  { name: 'COMMIT inside a Query', script: run(query(`begin; ${open}; commit; ${secret}`)) },
  {
    name: 'a view replaced in the same pipeline',
    script: run(
      parse('', 'create or replace view user_names as select id, reverse(ssn) as name from users'),
      bind('', ''),
      execute(''),
      parse('', 'select upper(name) from user_names order by id'),
      bind('', ''),
      execute(''),
      sync,
      query('create or replace view user_names as select id, name from users'),
    ),
  },
  {
    name: 'a view replaced in a Query sent along',
    script: run(
      query('create or replace view user_names as select id, reverse(ssn) as name from users'),
      query('select upper(name) from user_names order by id'),
      query('create or replace view user_names as select id, name from users'),
    ),
  },
  {
    name: 'a view replaced between Parse and Bind',
    script: run(
      parse('a', 'select upper(name) from user_names order by id'),
      parse('', 'create or replace view user_names as select id, reverse(ssn) as name from users'),
      bind('', ''),
      execute(''),
      bind('', 'a'),
      execute(''),
      sync,
      query('create or replace view user_names as select id, name from users'),
    ),
  },
  {
    name: 'a view replaced by a portal bound before',
    script: run(
      query('begin'),
      parse('d', 'create or replace view user_names as select id, reverse(ssn) as name from users'),
      bind('p', 'd'),
      sync,
      parse('', 'select 1 from user_names'),
      sync,
      execute('p'),
      parse('', 'select upper(name) from user_names order by id'),
      bind('', ''),
      execute(''),
      sync,
      query('rollback'),
    ),
  },
  {
    name: 'a table shadowed in the same pipeline',
    script: run(
      parse('a', 'select upper(name) from archive'),
      parse('', "create temp view archive as select id, reverse(ssn) as name, ''::text as note from users"),
      bind('', ''),
      execute(''),
      bind('', 'a'),
      execute(''),
      sync,
    ),
  },
  {
    name: 'an error behind rows',
    script: run(parse('', 'select ssn::int from users where id = 1'), bind('', ''), execute(''), sync),
  },
  {
    name: 'an error at Bind',
    script: run(parse('', 'select $1::int from users'), bind('', '', ['x']), execute(''), sync),
    harmlessDirectly: 'it speaks of the parameter',
  },
];

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterAll(() => lab.close());

describe('a protected value asked for in the words of the protocol', () => {
  testLeaks(
    attacks.map((attack) => ({ ...attack, ownTransaction: true })),
    () => lab,
  );
});
