import { bulkTables, drain } from './bulk.js';
import { measureParts } from './parts.js';
import { startPeers, type Peers } from './peers.js';
import { initPgbench, pgbench, type Address } from './pgbench.js';
import { round, spread, type Spread } from './stats.js';

/** `npm run bench -- [--json] [--quick] [--profile=FILE.cpuprofile]`: all ratios of one run, measured in turn so that a drifting machine cancels out. */
const json = process.argv.includes('--json');
const quick = process.argv.includes('--quick');
const profileFile =
  process.argv.find((argument) => argument.startsWith('--profile='))?.slice('--profile='.length) ?? null;
const rounds = quick ? 2 : 5;
const seconds = quick ? 2 : 5;
const bulkRows = quick ? 200_000 : 1_000_000;

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const ratios: Record<string, Spread | null> = {};
const absolute: Record<string, Spread | null> = {};

/** Runs all candidates once a round, in turn, and keeps each pair's ratio. */
async function inTurn(
  name: string,
  candidates: Readonly<Record<string, () => Promise<number>>>,
): Promise<Record<string, number[]>> {
  const results: Record<string, number[]> = {};
  for (let i = 0; i < rounds; i++) {
    for (const [label, measure] of Object.entries(candidates)) (results[label] ??= []).push(await measure());
  }
  for (const [label, values] of Object.entries(results)) {
    absolute[`${name}_${label}`] = spread(values);
    say(`${name} ${label}: ${values.map(round).join(' ')}`);
  }
  return results;
}

function pairwise(a: readonly number[] | undefined, b: readonly number[] | undefined): Spread | null {
  if (a === undefined || b === undefined) return null;
  return spread(a.map((value, i) => value / (b[i] ?? NaN)));
}

async function measureTransactions(peers: Peers): Promise<void> {
  const tps = (at: Address, clients: number) => async (): Promise<number> => (await pgbench(at, clients, seconds)).tps;
  const latency = (at: Address) => async (): Promise<number> => (await pgbench(at, 1, seconds)).latencyMs;
  const many = await inTurn('pgbench16_tps', {
    direct: tps(peers.direct, 16),
    relay: tps(peers.relay, 16),
    ...(peers.pgbouncer === null ? {} : { pgbouncer: tps(peers.pgbouncer, 16) }),
    gateway: tps(peers.gateway, 16),
  });
  ratios['pgbench16_vs_relay'] = pairwise(many['gateway'], many['relay']);
  ratios['pgbench16_vs_pgbouncer'] = pairwise(many['gateway'], many['pgbouncer']);
  ratios['pgbench16_vs_direct'] = pairwise(many['gateway'], many['direct']);
  const one = await inTurn('pgbench1_ms', { relay: latency(peers.relay), gateway: latency(peers.gateway) });
  ratios['pgbench1_p50_vs_relay'] = pairwise(one['gateway'], one['relay']);
  const tunnel = await inTurn('tunnel16_tps', {
    two_hop: tps(peers.twoHopTlsRelay, 16),
    tunnel: tps(peers.tunnel, 16),
  });
  ratios['tunnel16_vs_two_hop'] = pairwise(tunnel['tunnel'], tunnel['two_hop']);
}

async function measureBulk(peers: Peers): Promise<void> {
  const ms = (at: Address, sql: string) => async (): Promise<number> => (await drain(at, sql)).ms;
  const plain = await inTurn('bulk_ms', {
    direct: ms(peers.direct, 'select * from bulk'),
    gateway: ms(peers.gateway, 'select * from bulk'),
  });
  ratios['bulk_vs_direct'] = pairwise(plain['gateway'], plain['direct']);
  const text = await inTurn('bulk_text_ms', {
    direct: ms(peers.direct, 'select * from bulk_text'),
    gateway: ms(peers.gateway, 'select * from bulk_text'),
  });
  ratios['bulk_detected_vs_direct'] = pairwise(text['gateway'], text['direct']);
  const masked = await inTurn('bulk_masked_ms', {
    direct: ms(peers.direct, 'select * from bulk_masked'),
    gateway: ms(peers.gateway, 'select * from bulk_masked'),
  });
  ratios['bulk_masked_vs_direct'] = pairwise(masked['gateway'], masked['direct']);
}

const peers = await startPeers();
try {
  say('preparing tables');
  await initPgbench(peers.direct, quick ? 2 : 10);
  for (const statement of bulkTables(bulkRows)) await peers.sql(statement);
  await peers.sql('vacuum analyze');
  await pgbench(peers.gateway, 4, 1); // warms caches and the compiler
  if (profileFile !== null) await peers.profile(profileFile, () => pgbench(peers.gateway, 16, seconds));
  await measureTransactions(peers);
  const before = await peers.gatewayMemory();
  await measureBulk(peers);
  const after = await peers.gatewayMemory();
  const parts = await measureParts();
  const document = {
    schema: 'sluice.bench/v1',
    quick,
    ratios: Object.fromEntries(Object.entries(ratios).map(([name, value]) => [name, value?.median ?? null])),
    spread: ratios,
    absolute,
    parts_us: parts,
    memory: { rss_before_bulk_mb: round(before / 1e6), rss_after_bulk_mb: round(after / 1e6) },
  };
  if (json) process.stdout.write(`${JSON.stringify(document)}\n`);
  else {
    for (const [name, value] of Object.entries(ratios)) {
      process.stdout.write(
        `${name.padEnd(28)} ${value === null ? 'not measured' : `${value.median}  (${value.min}–${value.max}, ${value.runs} runs)`}\n`,
      );
    }
    for (const [name, value] of Object.entries(parts)) process.stdout.write(`${name.padEnd(28)} ${value} µs\n`);
    process.stdout.write(
      `memory of the gateway         ${document.memory.rss_before_bulk_mb} MB before, ${document.memory.rss_after_bulk_mb} MB after bulk results\n`,
    );
  }
} finally {
  await peers.stop();
}
