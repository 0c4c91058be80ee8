// Runs the tests that state properties with one new seed after the other, until one falls or the time is over:
// explore-properties.js [--minutes=N] [vitest's arguments]. The test command itself always uses the same seed, so that
// a change is judged by the same cases everywhere.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const asked = process.argv.slice(2);
const minutes = Number(/^--minutes=(\d+)$/.exec(asked[0] ?? '')?.[1] ?? 10);
if (asked[0]?.startsWith('--minutes=')) asked.shift();
const files =
  asked.length > 0
    ? asked
    : readdirSync('test', { recursive: true })
        .filter((file) => file.endsWith('.test.ts'))
        .map((file) => join('test', file))
        .filter((file) => /from 'fast-check'/.test(readFileSync(file, 'utf8')));
const end = Date.now() + minutes * 60_000;
let rounds = 0;
while (Date.now() < end) {
  const seed = randomInt(2 ** 31);
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--reporter=dot', '--no-color', ...files],
    { env: { ...process.env, SLUICE_TEST_SEED: String(seed) }, encoding: 'utf8', maxBuffer: 2 ** 28 },
  );
  rounds++;
  if (status !== 0) {
    console.log(`${stdout}${stderr}`);
    console.log(`failed with SLUICE_TEST_SEED=${seed}, in round ${rounds}`);
    process.exit(1);
  }
}
console.log(`${rounds} rounds, each with a seed of its own: nothing failed`);
