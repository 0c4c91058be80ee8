import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { busiestDuring } from './busiest.js';
import { startSshPeers, ways, type SshPeers, type Way } from './ssh-peers.js';
import { pairwise, round, roundsOf, spread, type Spread } from './stats.js';
import { BenchTerminal } from './ssh-terminal.js';

/**
 * `npm run bench:ssh -- [--json] [--quick] [--only=bulk|keys|login] [--profile=FILE.cpuprofile [--move=scp_up] [--detected]]`: OpenSSH's own clients
 * through the gateway's native listener, beside the same directly and over an OpenSSH jump host, in turn.
 */
const json = process.argv.includes('--json');
const quick = process.argv.includes('--quick');
const option = (name: string): string | null =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3) ?? null;
const only = option('only');
const profileFile = option('profile');
/** Whose processor `--profile` looks at. */
const profiled = process.argv.includes('--detected') ? 'detected' : 'gateway';
const mebibyte = 1024 * 1024;
const bulkBytes = (quick ? 64 : 256) * mebibyte;
const rounds = quick ? 2 : 5;
const keys = quick ? 100 : 400;
const say = (line: string): void => void process.stderr.write(`${line}\n`);

const ratios: Record<string, Spread | null> = {};
const absolute: Record<string, Spread | null> = {};

/** Milliseconds of a program that must succeed. */
function run(program: string, args: readonly string[], input: string | null = null): Promise<number> {
  const stdin = input === null ? 'ignore' : openSync(input, 'r');
  return new Promise((resolve, reject) => {
    const started = process.hrtime.bigint();
    const child = spawn(program, args, { stdio: [stdin, 'ignore', 'inherit'] });
    child.once('error', reject);
    child.once('close', (code) => {
      if (typeof stdin === 'number') closeSync(stdin);
      if (code === 0) resolve(Number(process.hrtime.bigint() - started) / 1e6);
      else reject(new Error(`${program} ${args.join(' ')} ended with ${code}`));
    });
  });
}

type Move = (way: Way) => Promise<number>;

/** 256 MiB that no compression shortens, in both directions, by a command and by SFTP. */
function moves({ config, dir }: SshPeers, file: string): Readonly<Record<string, Move>> {
  const received = join(dir, 'received');
  const sent = join(dir, 'sent');
  return {
    cat_down: (way) => run('ssh', ['-F', config, way, `cat ${file}`]),
    cat_up: (way) => run('ssh', ['-F', config, way, 'cat > /dev/null'], file),
    scp_down: (way) => run('scp', ['-q', '-F', config, `${way}:${file}`, received]),
    scp_up: (way) => run('scp', ['-q', '-F', config, file, `${way}:${sent}`]),
  };
}

async function measureBulk(peers: SshPeers): Promise<void> {
  const file = join(peers.dir, 'bulk');
  const piece = randomBytes(mebibyte);
  await writeFile(file, Buffer.concat(Array.from({ length: bulkBytes / mebibyte }, () => piece)));
  for (const [name, move] of Object.entries(moves(peers, file))) {
    const busy: Record<string, number[]> = {};
    const timed = (way: Way) => async (): Promise<number> => {
      let ms = 0;
      (busy[way] ??= []).push(await busiestDuring(async () => (ms = await move(way))));
      return ms;
    };
    const candidates = Object.fromEntries(ways.map((way) => [way, timed(way)]));
    await roundsOf(candidates, 1); // the compiler and the page cache
    if (profileFile !== null && name === (option('move') ?? 'cat_down'))
      await peers.profile(profiled, profileFile, () => move(profiled));
    const ms = await roundsOf(candidates, rounds);
    for (const way of ways) {
      const speeds = (ms[way] ?? []).map((value) => bulkBytes / 1e6 / (value / 1000));
      absolute[`${name}_mb_s_${way}`] = spread(speeds);
      say(`${name} ${way}: ${speeds.map(round).join(' ')} MB/s`);
    }
    for (const way of ways) {
      busy[way] = (busy[way] ?? []).slice(-rounds);
      absolute[`${name}_busiest_s_${way}`] = spread(busy[way]);
      say(`${name} ${way}: ${busy[way].map(round).join(' ')} s of the busiest process`);
    }
    // Throughput to throughput: the other way round than the times.
    for (const way of ['gateway', 'detected'] as const) {
      ratios[`${name}_${way}_vs_jump`] = pairwise(ms['jumped'], ms[way]);
      ratios[`${name}_${way}_vs_jump_by_busiest`] = pairwise(busy['jumped'], busy[way]);
      ratios[`${name}_${way}_vs_direct`] = pairwise(ms['direct'], ms[way]);
    }
  }
}

/** One key and its echo, then one that takes it back, at the prompt of a login shell: each way once, and again. */
async function measureKeys(peers: SshPeers): Promise<void> {
  const terminals = new Map<Way, BenchTerminal>();
  try {
    for (const way of ways) terminals.set(way, await BenchTerminal.atShell(peers.config, way));
    const through = terminals.get('gateway');
    if (profileFile !== null && only === 'keys' && through !== undefined) {
      await peers.profile('gateway', profileFile, async () => {
        for (let key = 0; key < keys; key++) await through.key();
      });
    }
    const roundsMs: Record<string, number[]> = {};
    for (let i = 0; i < rounds; i++) {
      const times: Record<string, number[]> = {};
      for (let key = 0; key < keys; key++) {
        for (const [way, terminal] of terminals) (times[way] ??= []).push(await terminal.key());
      }
      for (const [way, values] of Object.entries(times)) {
        const middle = spread(i === 0 && quick ? values.slice(20) : values)?.median ?? NaN;
        (roundsMs[way] ??= []).push(middle);
        const sorted = values.toSorted((a, b) => a - b);
        for (const part of [10, 95])
          (roundsMs[`${way}_p${part}`] ??= []).push(sorted[Math.floor((sorted.length * part) / 100)] ?? NaN);
      }
    }
    for (const [name, values] of Object.entries(roundsMs)) {
      absolute[`key_ms_${name}`] = spread(values);
      say(`key ${name}: ${values.map(round).join(' ')} ms`);
    }
    for (const way of ['gateway', 'detected'] as const) {
      ratios[`key_p50_${way}_vs_jump`] = pairwise(roundsMs[way], roundsMs['jumped']);
      ratios[`key_p50_${way}_vs_direct`] = pairwise(roundsMs[way], roundsMs['direct']);
    }
  } finally {
    for (const terminal of terminals.values()) await terminal.leave();
  }
}

/** A connection of its own for one short command. */
async function measureLogins({ config }: SshPeers): Promise<void> {
  const login = (way: Way) => () => run('ssh', ['-F', config, '-o', 'ControlPath=none', way, 'true']);
  const candidates = Object.fromEntries(ways.map((way) => [way, login(way)]));
  await roundsOf(candidates, 1);
  const ms = await roundsOf(candidates, rounds * 2);
  for (const way of ways) absolute[`login_ms_${way}`] = spread(ms[way] ?? []);
  ratios['login_gateway_vs_jump'] = pairwise(ms['gateway'], ms['jumped']);
}

const wants = (part: string): boolean => only === null || only === part;
const peers = await startSshPeers();
try {
  if (wants('bulk')) await measureBulk(peers);
  if (wants('keys')) await measureKeys(peers);
  if (wants('login')) await measureLogins(peers);
  const medians = Object.fromEntries(Object.entries(ratios).map(([name, value]) => [name, value?.median ?? null]));
  if (json) {
    const document = { schema: 'sluice.bench_ssh/v1', quick, ratios: medians, spread: ratios, absolute };
    process.stdout.write(`${JSON.stringify(document)}\n`);
  } else {
    for (const [name, value] of [...Object.entries(ratios), ...Object.entries(absolute)]) {
      const text = value === null ? 'not measured' : `${value.median}  (${value.min}–${value.max}, ${value.runs} runs)`;
      process.stdout.write(`${name.padEnd(30)} ${text}\n`);
    }
  }
} finally {
  await peers.stop();
}
