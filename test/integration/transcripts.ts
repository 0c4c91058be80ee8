import { wire, type RawPostgres, type Seen } from '../support/raw-postgres.js';
import { type Address, type OpenGateway, rawClient } from './open-gateway.js';

/** What the statements below are about. */
export const transcriptTables = `create table s (x int);
     create table t (id int primary key, name text);
     insert into t select n, 'name ' || n from generate_series(1, 5) n`;

/**
 * What one client sends, batch by batch, and after how many ReadyForQuery each batch is answered: null where what is swallowed
 * or skipped of it decides that.
 */
export interface Script {
  readonly batches: readonly { readonly messages: readonly Buffer[]; readonly ready: number | null }[];
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

const twice = 'copy s from stdin; copy s from stdin';
const copiesIn = [
  'copy s from stdin',
  'copy s (x) from stdin (format csv)',
  'copy t from stdin',
  'copy nothing from stdin',
  'copy s from stdin; select 8',
  'select 9; copy s from stdin',
  twice,
];
const copiesOut = [
  'copy t to stdout',
  'copy (select x / 0 from s) to stdout',
  'copy (select id from t order by id) to stdout (format binary)',
  'copy s to stdout; select 7',
  'select 6; copy (values (1), (2)) to stdout; select bad',
];

interface Drawing {
  readonly below: (n: number) => number;
  readonly pick: <T>(list: readonly T[]) => T;
  readonly step: () => Buffer;
}

/** The same seed always draws the same. */
function drawing(seed: number): Drawing {
  let state = seed;
  const below = (n: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % n;
  };
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
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
  return { below, pick, step };
}

/** A pipeline of one client. */
function script(seed: number): Script {
  const { below, pick, step } = drawing(seed);
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

/** COPYs, left early or not at all, and queries without a Sync before them, among everything else. */
function mixedScript(seed: number): Script {
  const { below, pick, step } = drawing(seed);
  const lines = ['1\n', '2\n3\n', '', '4', 'x\n', '\\.\n', '9\tname\n', '\n'];
  const copyIn = (): readonly Buffer[] => {
    const sql = pick(copiesIn);
    const begun = below(3) > 0 ? [wire.query(sql)] : [wire.parse('', sql), wire.bind('', ''), wire.execute('')];
    const idle = Array.from({ length: below(3) }, () => pick([wire.sync, wire.flush]));
    const data = Array.from({ length: below(4) }, () => wire.copyData(pick(lines)));
    const end = pick([wire.copyDone, wire.copyDone, wire.copyFail('enough')]);
    // PostgreSQL ends the connection of who sends anything else into the second.
    const again = below(4) === 0 || sql === twice ? [wire.copyDone] : [];
    return [...begun, ...idle, ...data, end, ...again];
  };
  const stray = [wire.copyDone, wire.copyData('1\n'), wire.copyFail('stray')];
  const piece = (): readonly Buffer[] => {
    const draw = below(12);
    if (draw < 3) return copyIn();
    if (draw < 5) return [wire.query(pick(copiesOut))];
    if (draw < 6) return [wire.parse('', pick(copiesOut)), wire.bind('', ''), wire.execute('', below(2))];
    if (draw < 7) return [wire.query(pick([...simple, ...together]))];
    if (draw < 8) return [pick(stray)];
    return Array.from({ length: 1 + below(5) }, step);
  };
  const batches = Array.from({ length: 1 + below(4) }, () => ({
    messages: Array.from({ length: 1 + below(4) }, piece).flat(),
    ready: null,
  }));
  return { batches };
}

const sentinel = 'all is answered';
/** Ends whatever a batch has left open. */
const tail = [wire.copyFail('over'), wire.sync, wire.query('rollback'), wire.query(`select '${sentinel}'`)];

async function untilSentinel(client: RawPostgres): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  const isOver = ([type, text]: Seen): boolean => (type === 'D' && text.includes(sentinel)) || type.length > 1;
  while (!seen.some(isOver)) seen.push(...(await untilWithin(client, 1)));
  return seen;
}

export async function play(address: Address, { batches }: Script): Promise<readonly Seen[]> {
  const client = await rawClient(address);
  try {
    client.send(wire.query('truncate s; delete from t where id > 5; update t set name = $$name $$ || id'));
    await client.until(1);
    const seen: Seen[] = [];
    for (const { messages, ready } of batches) {
      client.send(...messages, ...(ready === null ? tail : []));
      seen.push(...(await (ready === null ? untilSentinel(client) : untilWithin(client, ready))));
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
  kind: 'plain' | 'mixed' = 'plain',
): Promise<{
  readonly sent: string;
  readonly direct: readonly Seen[];
  readonly through: readonly (Seen | undefined)[];
}> {
  const sent = kind === 'plain' ? script(seed) : mixedScript(seed);
  const direct = await play(gateway.direct('both'), sent);
  const through = await play(gateway.through('both'), sent);
  const compared = direct.map((entry, at) => alike(entry, through[at]));
  return { sent: `seed ${seed}: ${shown(sent)}`, direct, through: [...compared, ...through.slice(direct.length)] };
}
