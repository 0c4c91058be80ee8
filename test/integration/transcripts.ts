import { wire, type RawPostgres, type Seen } from '../support/raw-postgres.js';
import { type Address, type OpenGateway, rawClient } from './open-gateway.js';

/** What the statements below are about. */
export const transcriptTables = `create table s (x int);
     create table t (id int primary key, name text);
     insert into t select n, 'name ' || n from generate_series(1, 5) n`;

/** What one client sends, batch by batch, and after how many ReadyForQuery each batch is answered. */
export interface Script {
  readonly batches: readonly { readonly messages: readonly Buffer[]; readonly ready: number }[];
}

const simple = [
  'select 1',
  'select id, name from t where id < 4 order by id',
  'select bad',
  'insert into s values (1) returning x',
  'insert into s values (2)',
  'select count(*) from s',
  'select 1/0',
  '',
  ' -- nothing',
  'begin',
  'commit',
  'rollback',
  "select repeat('x', 20000)",
  'selec',
  'select generate_series(1, 5)',
  'savepoint a',
  'rollback to a',
  'insert into t values (1, $$again$$)',
  'declare c cursor for select * from t order by id',
  'close c',
  'prepare p as select 7 as seven',
  'deallocate p',
  'do $$ begin raise notice $n$told$n$; end $$',
  'set datestyle to iso',
  "select '2024-01-02'::date, null::int, array[1, 2]",
  'select from t where id < 3',
  'values (1), (2)',
  'update t set name = name where id = 2 returning *',
  'delete from s',
  'listen ears',
];
/** Looked up by the gateway at Bind, by PostgreSQL at Execute: the same only where both come in one message. */
const named = ['fetch 2 from c', 'execute p', 'fetch c', 'move 1 in c'];
const together = [
  'select 1; select 2; select bad; select 3',
  'insert into s values (3); select count(*) from s',
  'begin; insert into s values (4); commit; select 5',
  'select 1; selec',
  'begin; select 1/0; commit',
  ';;',
  'insert into s values (6); select 1/0',
];
const parameterised = ['select $1::int + 1', 'select name from t where id = $1', 'select $1::text'];

/** A pipeline of one client, drawn from a seed: the same seed always sends the same bytes. */
function script(seed: number): Script {
  let state = seed;
  const below = (n: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % n;
  };
  const pick = <T>(list: readonly [T, ...T[]] | readonly T[]): T => list[below(list.length)] as T;
  const names = ['', '', 'a', 'b'];
  // Of a name that is taken PostgreSQL hears before it reads a value, and after it has counted them.
  const values = [[], [], ['4'], ['x']];
  const step = (): Buffer => {
    const draw = below(22);
    if (draw < 6) return wire.parse(pick(names), pick(below(3) === 0 ? parameterised : simple));
    if (draw < 11) return wire.bind(pick(names), pick(names), pick(values), below(4) === 0);
    if (draw < 13) return wire.describe(pick(['S', 'P'] as const), pick(names));
    if (draw < 18) return wire.execute(pick(names), pick([0, 0, 1, 2]));
    if (draw < 19) return wire.close(pick(['S', 'P'] as const), pick(names));
    return draw < 20 ? wire.flush : wire.sync;
  };
  const batches = Array.from({ length: 1 + below(6) }, () => {
    if (below(4) === 0) return { messages: [wire.query(pick(pick([together, named, simple, simple])))], ready: 1 };
    const messages: Buffer[] = [];
    for (let group = 0; group < (below(3) === 0 ? 2 : 1); group++) {
      for (let count = 0; count < 1 + below(7); count++) messages.push(step());
      messages.push(wire.sync);
    }
    return { messages, ready: messages.filter((message) => message === wire.sync).length };
  });
  return { batches };
}

export async function play(address: Address, { batches }: Script): Promise<readonly Seen[]> {
  const client = await rawClient(address);
  try {
    client.send(wire.query('truncate s; update t set name = $$name $$ || id'));
    await client.until(1);
    const seen: Seen[] = [];
    for (const { messages, ready } of batches) {
      client.send(...messages);
      seen.push(...(await untilWithin(client, ready)));
    }
    return seen;
  } finally {
    client.end();
  }
}

async function untilWithin(client: RawPostgres, ready: number): Promise<readonly Seen[]> {
  const late = new Promise<readonly Seen[]>((resolve) =>
    setTimeout(() => resolve([['no answer in five seconds', '']]), 5_000).unref(),
  );
  return await Promise.race([client.until(ready), late]);
}

/** Where two errors are due at once and PostgreSQL happens to tell the other one; both abort the pipeline alike. */
const bothDue = [
  // A simple query that fails in a transaction leaves its unnamed portal behind, aborted, until the transaction ends.
  { through: /^ERROR 34000 portal "" does not exist$/, direct: /^ERROR 25P02 / },
];
function alike(direct: Seen, through: Seen | undefined): Seen | undefined {
  if (through === undefined || direct[0] !== 'E' || through[0] !== 'E') return through;
  return bothDue.some((pair) => pair.through.test(through[1]) && pair.direct.test(direct[1])) ? direct : through;
}

/** A pipeline as a failing test shows it. */
function shown({ batches }: Script): string {
  return JSON.stringify(
    batches.map(({ messages }) =>
      messages.map((message) =>
        message
          .toString('latin1')
          .replaceAll(/[^\x20-\x7e]/g, '.')
          .slice(0, 80),
      ),
    ),
  );
}

/** What both ways answer to one random pipeline on database `both`, alike where nothing differs that should not. */
export async function bothWays(
  gateway: OpenGateway,
  seed: number,
): Promise<{
  readonly sent: string;
  readonly direct: readonly Seen[];
  readonly through: readonly (Seen | undefined)[];
}> {
  const sent = script(seed);
  const direct = await play(gateway.direct('both'), sent);
  const through = await play(gateway.through('both'), sent);
  const compared = direct.map((entry, at) => alike(entry, through[at]));
  return { sent: `seed ${seed}: ${shown(sent)}`, direct, through: [...compared, ...through.slice(direct.length)] };
}
