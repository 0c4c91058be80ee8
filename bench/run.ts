import { bulkTables, drain, openIdle } from './bulk.js';
import { measureParts } from './parts.js';
import { startPeers, type Peers } from './peers.js';
import { initPgbench, pgbench, type Address, type QueryMode } from './pgbench.js';
import { pairwise, round, roundsOf, spread, type Spread } from './stats.js';

/**
 * `npm run bench -- [--json] [--quick] [--only=transactions|bulk|memory|parts] [--profile=FILE.cpuprofile]`: the ratios
 * of design budgets in one run, measured in turn so that a drifting machine cancels out.
 */
const usage = 'npm run bench -- [--json] [--quick] [--only=transactions|bulk|memory|parts] [--profile=FILE.cpuprofile]';
if (process.argv.includes('--help')) {
  process.stdout.write(`${usage}\n`);
  process.exit();
}
const json = process.argv.includes('--json');
const quick = process.argv.includes('--quick');
const profileFile =
  process.argv.find((argument) => argument.startsWith('--profile='))?.slice('--profile='.length) ?? null;
/** Of what has a budget; the rest has one round where it must be quick. */
const rounds = quick ? 3 : 5;
const latencyRounds = quick ? 2 : 5;
const fewRounds = quick ? 1 : 5;
/** A tenth of the rows takes a tenth of a second: one round of them would say what the compiler did meanwhile. */
const bulkRounds = quick ? 7 : 5;
const otherBulkRounds = quick ? 3 : 5;
const seconds = quick ? 1 : 5;
const warmSeconds = quick ? { relay: 1, gateway: 4 } : { relay: 4, gateway: 8 };
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length) ?? null;
const idleSessions = quick ? 40 : 200;
const bulkRows = quick ? 100_000 : 1_000_000;

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const ratios: Record<string, Spread | null> = {};
const absolute: Record<string, Spread | null> = {};

/** Runs all candidates in turn, and keeps what each came to. */
async function inTurn(
  name: string,
  candidates: Readonly<Record<string, () => Promise<number>>>,
  times = rounds,
): Promise<Record<string, number[]>> {
  const results = await roundsOf(candidates, times);
  for (const [label, values] of Object.entries(results)) {
    absolute[`${name}_${label}`] = spread(values);
    say(`${name} ${label}: ${values.map(round).join(' ')}`);
  }
  return results;
}

async function measureTransactions(peers: Peers): Promise<void> {
  const tps =
    (at: Address, mode: QueryMode = 'prepared') =>
    async (): Promise<number> =>
      (await pgbench(at, 16, seconds, mode)).tps;
  const latency = (at: Address) => async (): Promise<number> => (await pgbench(at, 1, seconds)).latencyMs;
  const many = await inTurn('pgbench16_tps', {
    relay: tps(peers.relay),
    ...(peers.pgbouncer === null ? {} : { pgbouncer: tps(peers.pgbouncer) }),
    gateway: tps(peers.gateway),
  });
  ratios['pgbench16_vs_relay'] = pairwise(many['gateway'], many['relay']);
  ratios['pgbench16_vs_pgbouncer'] = pairwise(many['gateway'], many['pgbouncer']);
  const variants = quick ? (['unrecorded'] as const) : (['direct', 'durable', 'unrecorded', 'plain'] as const);
  const other = await inTurn(
    'pgbench16_other_tps',
    { relay: tps(peers.relay), ...Object.fromEntries(variants.map((variant) => [variant, tps(peers[variant])])) },
    fewRounds,
  );
  for (const variant of variants) ratios[`pgbench16_${variant}_vs_relay`] = pairwise(other[variant], other['relay']);
  const simple = await inTurn(
    'pgbench16_simple_tps',
    { relay: tps(peers.relay, 'simple'), gateway: tps(peers.gateway, 'simple') },
    fewRounds,
  );
  ratios['pgbench16_simple_vs_relay'] = pairwise(simple['gateway'], simple['relay']);
  const one = await inTurn(
    'pgbench1_ms',
    { relay: latency(peers.relay), gateway: latency(peers.gateway) },
    latencyRounds,
  );
  ratios['pgbench1_p50_vs_relay'] = pairwise(one['gateway'], one['relay']);
  const tunnel = await inTurn(
    'tunnel16_tps',
    { two_hop: tps(peers.twoHopTlsRelay), tunnel: tps(peers.tunnel) },
    fewRounds,
  );
  ratios['tunnel16_vs_two_hop'] = pairwise(tunnel['tunnel'], tunnel['two_hop']);
}

async function measureBulk(peers: Peers): Promise<void> {
  const ms = (at: Address, sql: string) => async (): Promise<number> => (await drain(at, sql)).ms;
  // Caches and the compiler: what is measured is a long result, of which the quick run has a tenth.
  for (const at of [peers.direct, peers.gateway, peers.plain])
    for (const table of ['bulk', 'bulk_text', 'bulk_masked']) await drain(at, `select * from ${table}`);
  const sideBySide = (name: string, sql: string, times: number, plain = false): Promise<Record<string, number[]>> => {
    const ways = { direct: ms(peers.direct, sql), gateway: ms(peers.gateway, sql) };
    return inTurn(name, plain ? { ...ways, plain: ms(peers.plain, sql) } : ways, times);
  };
  const clear = await sideBySide('bulk_ms', 'select * from bulk', bulkRounds);
  ratios['bulk_vs_direct'] = pairwise(clear['gateway'], clear['direct']);
  const text = await sideBySide('bulk_text_ms', 'select * from bulk_text', otherBulkRounds);
  ratios['bulk_detected_vs_direct'] = pairwise(text['gateway'], text['direct']);
  const masked = await sideBySide('bulk_masked_ms', 'select * from bulk_masked', bulkRounds, true);
  ratios['bulk_masked_vs_direct'] = pairwise(masked['gateway'], masked['direct']);
  ratios['bulk_unmasked_vs_direct'] = pairwise(masked['plain'], masked['direct']);
  const copied = await sideBySide('bulk_copy_ms', 'copy bulk to stdout', otherBulkRounds);
  ratios['bulk_copy_vs_direct'] = pairwise(copied['gateway'], copied['direct']);
  if (quick) return; // it has no time for more
  const maskedCopy = await sideBySide('bulk_copy_masked_ms', 'copy bulk_masked to stdout', otherBulkRounds);
  ratios['bulk_copy_masked_vs_direct'] = pairwise(maskedCopy['gateway'], maskedCopy['direct']);
}

/** What idle sessions hold, and what is left of results once they are delivered. */
async function measureMemory(peers: Peers): Promise<Readonly<Record<string, number>>> {
  // Once before it counts: what is loaded and pooled then stays.
  await (await openIdle(peers.gateway, idleSessions)).close();
  const before = await peers.gatewayMemory();
  const idle = await openIdle(peers.gateway, idleSessions);
  const open = await peers.gatewayMemory();
  await idle.close();
  await drain(peers.gateway, 'select * from bulk_masked');
  const afterOne = await peers.gatewayMemory();
  await drain(peers.gateway, `select * from bulk_masked, generate_series(1, ${quick ? 2 : 10})`);
  const after = await peers.gatewayMemory();
  return {
    rss_mb: round(before.rss / 1e6),
    idle_session_kb: round((open.rss - before.rss) / idleSessions / 1024),
    rss_after_result_mb: round(afterOne.rss / 1e6),
    rss_after_larger_result_mb: round(after.rss / 1e6),
    rss_peak_mb: round(after.peak / 1e6),
  };
}

const wants = (part: string): boolean => only === null || only === part;

const peers = await startPeers();
try {
  say('preparing tables');
  await initPgbench(peers.direct, quick ? 2 : 10);
  for (const statement of bulkTables(bulkRows)) await peers.sql(statement);
  await peers.sql('vacuum analyze');
  // Caches and the compiler, of everyone who is compared: the gateway is at its speed after some ten thousand statements.
  await pgbench(peers.relay, 16, warmSeconds.relay);
  await pgbench(peers.gateway, 16, warmSeconds.gateway);
  if (wants('transactions')) {
    await pgbench(peers.gateway, 16, seconds, 'simple');
    for (const at of [peers.twoHopTlsRelay, peers.tunnel]) await pgbench(at, 16, seconds);
  }
  if (profileFile !== null) await peers.profile(profileFile, () => pgbench(peers.gateway, 16, seconds));
  if (wants('transactions')) await measureTransactions(peers);
  if (wants('bulk')) await measureBulk(peers);
  const memory = wants('memory') ? await measureMemory(peers) : {};
  const parts = wants('parts') ? await measureParts(quick ? 0.25 : 1) : {};
  const document = {
    schema: 'sluice.bench/v1',
    quick,
    ratios: Object.fromEntries(Object.entries(ratios).map(([name, value]) => [name, value?.median ?? null])),
    spread: ratios,
    absolute,
    parts_us: parts,
    memory,
  };
  if (json) process.stdout.write(`${JSON.stringify(document)}\n`);
  else {
    for (const [name, value] of Object.entries(ratios)) {
      process.stdout.write(
        `${name.padEnd(28)} ${value === null ? 'not measured' : `${value.median}  (${value.min}–${value.max}, ${value.runs} runs)`}\n`,
      );
    }
    for (const [name, value] of Object.entries(parts)) process.stdout.write(`${name.padEnd(28)} ${value} µs\n`);
    for (const [name, value] of Object.entries(memory)) process.stdout.write(`${name.padEnd(28)} ${value}\n`);
  }
} finally {
  await peers.stop();
}
