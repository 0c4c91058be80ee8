import { cpus as cores, tmpdir } from 'node:os';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '../src/lib/ids.js';
import type { OpenEvent, SessionEvent } from '../src/recording/events.js';
import { openRecorder } from '../src/recording/recorder.js';
import type { GatewayRecorder } from '../src/recording/types.js';
import { round, spread } from './stats.js';

/**
 * The index of recordings: how fast it is built again from journals and how long questions take.
 *   node --import tsx bench/search.ts [--statements=1000000] [--sessions=1000] [--shape=mixed|repeated|distinct]
 * `repeated` is one prepared statement with other parameters each time, `distinct` the same with its values in the text,
 * `mixed` what a shop's people and services run: half of it reads a page of rows.
 */
const option = (name: string, otherwise: string): string =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise;
const statements = Number(option('statements', '1000000'));
const sessions = Number(option('sessions', '1000'));
const shape = option('shape', 'mixed');
const rounds = 7;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** A small generator of its own, so that each run has the same statements. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
const random = generator(7);
const pick = <T>(from: readonly [T, ...T[]]): T => from[random(from.length)] ?? from[0];

const tables = ['orders', 'order_items', 'customers', 'payments', 'shipments', 'inventory', 'products', 'refunds', 'carts', 'coupons'] as const; // prettier-ignore
const columns = ['id', 'name', 'status', 'created_at', 'updated_at', 'total', 'customer_id', 'sku', 'quantity', 'currency'] as const; // prettier-ignore
const states = ['pending', 'shipped', 'cancelled', 'returned', 'paid', 'failed'] as const;
const words = ['invoice', 'warehouse', 'berlin', 'madrid', 'express', 'gift', 'priority', 'damaged', 'escalated', 'fraud', 'review', 'legacy', 'import', 'monthly', 'report'] as const; // prettier-ignore

interface Drawn {
  readonly text: string;
  readonly parameters: readonly string[];
  readonly effects: readonly string[];
}

function draw(): Drawn {
  const id = String(random(5_000_000));
  if (shape === 'repeated' || shape === 'distinct') {
    const text = `SELECT abalance FROM pgbench_accounts WHERE aid = ${shape === 'repeated' ? '$1' : id}`;
    const effects = ['select on table demo-db/shop/public/pgbench_accounts'];
    return { text, parameters: shape === 'repeated' ? [id] : [], effects };
  }
  const table = pick(tables);
  const effect = (verb: string): readonly string[] => [`${verb} on table db-prod/shop/public/${table}`];
  switch (random(10)) {
    case 0:
      return { text: `update ${table} set status = '${pick(states)}' where id = ${id}`, parameters: [], effects: effect('update') }; // prettier-ignore
    case 1:
      return { text: `insert into ${table} (${pick(columns)}, note) values ($1, $2)`, parameters: [id, `${pick(words)} ${pick(words)} ${pick(words)}`], effects: effect('insert') }; // prettier-ignore
    case 2:
      return { text: `delete from ${table} where id = ${id}`, parameters: [], effects: effect('delete') };
    case 3:
      return { text: `select count(*) from ${table} where ${pick(columns)} > '${id}' and status <> '${pick(states)}'`, parameters: [], effects: effect('select') }; // prettier-ignore
    default:
      return { text: `select ${pick(columns)}, ${pick(columns)} from ${table} where customer_id = $1 and status = $2`, parameters: [id, pick(states)], effects: effect('select') }; // prettier-ignore
  }
}

const began = Date.UTC(2026, 9, 1);
const spanMs = 30 * 86_400_000;

function opening(index: number): OpenEvent {
  const name = `${pick(['ann', 'bob', 'carla', 'deniz', 'emil', 'farah'])}@corp.example`;
  return {
    ...{ type: 'open', at: began + (index / sessions) * spanMs, session: newId('ses') },
    identity: { subject: `sub-${name}`, name, kind: 'human', issuer: 'https://id.corp.example', groups: ['engineers'] },
    client: { address: '10.0.0.7', application: 'psql', via: 'tunnel' },
    target: { name: pick(['db-prod', 'db-staging', 'db-reports']), kind: 'postgres', labels: { env: 'prod' } },
    ...{ mode: 'strict', policyVersion: 'v1', reason: null },
  };
}

function events(op: number, at: number): readonly SessionEvent[] {
  const { text, parameters, effects } = draw();
  const chance = random(1000);
  const verdict = chance < 5 ? 'deny' : 'allow';
  const first: SessionEvent[] = [
    { type: 'operation', at, op, kind: 'execute', text, parameters, effects, fault: null },
    { type: 'decision', at, op, verdict, policies: ['engineers-work-on-prod'], message: '', policyVersion: 'v1', request: null }, // prettier-ignore
  ];
  if (verdict === 'deny') return first;
  if (chance < 15) {
    const message = `duplicate key value violates unique constraint "${pick(tables)}_pkey"`;
    return [...first, { type: 'error', at, op, decider: 'target', code: '23505', message }];
  }
  // A row of a name and a number has some 31 bytes.
  const rows = shape === 'mixed' && text.startsWith('select') ? random(20) : 1;
  const shown = [0, 1].map((index) => ({ name: columns[(op + index) % columns.length] ?? 'id', typeOid: 25, format: 0 as const, masked: false })); // prettier-ignore
  return [
    ...first,
    { type: 'columns', at: at + 2, op, columns: shown },
    { type: 'rows', at: at + 2, op, count: rows, data: Buffer.alloc(rows * 31, 65) },
    { type: 'result', at: at + 2, op, tag: `SELECT ${rows}`, rowCount: rows, byteCount: rows * 32, truncated: false, digest: '' }, // prettier-ignore
  ];
}

async function record(recorder: GatewayRecorder): Promise<void> {
  const each = Math.ceil(statements / sessions);
  for (let index = 0; index < sessions; index++) {
    const open = opening(index);
    const session = await recorder.openSession(open);
    for (let op = 1; op <= each; op++) {
      for (const event of events(op, open.at + op * 100)) {
        session.append(event);
        // As engines do: what was decided before it is sent, what came back before it is shown.
        if (event.type === 'decision' || event.type === 'result') await session.commit();
      }
    }
    await session.close('client closed', '');
  }
}

async function sizeOf(dir: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith('.journal'))
      bytes += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}

const queries = [
  'orders',
  'update orders status',
  'cancelled payments since:2026-10-10 until:2026-10-20',
  'select customers pending since:2026-10-05 until:2026-10-25',
  'delete refunds berlin since:2026-10-05',
  'fraud warehouse express since:2026-10-02 until:2026-10-30',
  '"update orders set status"',
  '"status from orders where"',
  '"from where customer"',
  'user:ann effect:delete orders',
  'target:prod verdict:deny coupons',
  'error:any duplicate inventory_pkey',
  'error:23505 carla',
  'inv ref cus',
  '1234567',
  'nowhere orders',
  'since:2026-10-12 until:2026-10-13',
  'aid 4711 since:2026-10-05 until:2026-10-25',
];

const dir = await mkdtemp(join(tmpdir(), 'sluice-bench-search-'));
try {
  const recorder = await openRecorder({
    ...{ dir: join(dir, 'recordings'), keysDir: join(dir, 'keys'), indexPath: join(dir, 'index.db'), gateway: 'bench' },
    onProblem: (message, cause) => say(`problem: ${message} ${String(cause)}`),
  });
  let started = performance.now();
  await record(recorder);
  await recorder.list({ limit: 1 });
  say(`recorded and indexed: ${round((performance.now() - started) / 1000)} s on ${cores().length} cores`);
  const megabytes = (await sizeOf(join(dir, 'recordings'))) / 1e6;
  started = performance.now();
  const before = cpuMs();
  await recorder.reindex();
  const seconds = (performance.now() - started) / 1000;
  const cpuSeconds = (cpuMs() - before) / 1000; // tells more on a machine that has other things to do
  const perStatement = round((seconds * 1e6) / statements);
  say(`${shape}: ${statements} statements, ${round(megabytes)} MB of journals (${round((megabytes * 1e6) / statements)} bytes a statement)`); // prettier-ignore
  say(`reindex: ${round(seconds)} s, ${round(megabytes / seconds)} MB/s, ${perStatement} µs a statement; ${round(cpuSeconds)} s of CPU, ${round(megabytes / cpuSeconds)} MB for each; index ${round((await stat(join(dir, 'index.db'))).size / 1e6)} MB`); // prettier-ignore
  for (const when of ['right after', 'settled']) {
    if (when === 'settled') await new Promise((resolve) => setTimeout(resolve, 15_000)); // segments are joined meanwhile
    for (const query of queries) {
      const times: number[] = [];
      const cpus: number[] = [];
      let found = '';
      for (let turn = 0; turn < rounds; turn++) {
        started = performance.now();
        const cpuBefore = cpuMs();
        const page = await recorder.search(query, {});
        times.push(performance.now() - started);
        cpus.push(cpuMs() - cpuBefore);
        found = `${page.match_count}${page.match_count_capped ? '+' : ''} matches, ${page.sessions.length} sessions`;
      }
      const { median, max } = spread(times) ?? { median: NaN, max: NaN };
      say(
        `${when.padEnd(12)} ${String(median).padStart(7)} ms (max ${max}; CPU ${spread(cpus)?.median ?? NaN} ms)  ${query}  → ${found}`,
      );
    }
  }
  say(`memory: ${round(process.memoryUsage().rss / 1e6)} MB`);
  await recorder.close();
} finally {
  await rm(dir, { recursive: true, force: true });
}
