import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Worker, isMainThread } from 'node:worker_threads';
import { spread } from './stats.js';

/** The round trip alone: what the least program that asks the gateway takes. */
const bareRequest = `require('node:http').request(process.argv[1], { method: 'POST' }, (answer) =>
  answer.resume().on('end', () => process.exit())).end('{}')`;

/**
 * `npm run bench:start [-- RUNS]`: how long the installed program (dist) takes to start, beside Node itself, in turn. The
 * gateway is one that answers at once, in a thread of its own, so that what is measured is the program's.
 */
if (isMainThread) await measure(Number(process.argv[2] ?? 21));
else serve();

function serve(): void {
  const row = { name: 'n', type: 'int8' };
  const end = { schema: 'sluice.exec/v1', ok: true, session_id: 'ses_1', target: 'db', columns: [row], rows: [] };
  const rest = { row_count: 1, truncated: false, next_cursor: null, masked_columns: [], duration_ms: 0 };
  const result = { ...end, ...rest, request_id: null, replayed: false };
  const lines = [
    { type: 'columns', columns: [row], masked_columns: [] },
    { type: 'rows', rows: [['1']] },
    { type: 'end', result },
  ];
  const answer = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  const server = createServer((_request, response) => response.end(answer));
  server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
}

async function measure(runs: number): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { stdout: true });
  const port = await new Promise<string>((found) =>
    worker.stdout.once('data', (chunk: Buffer) => found(chunk.toString().trim())),
  );
  const home = mkdtempSync(join(tmpdir(), 'sluice-bench-start-'));
  const bin = resolve('bin/run.js');
  const cases: Readonly<Record<string, readonly string[]>> = {
    node: ['-e', '0'],
    request: ['-e', bareRequest, `http://127.0.0.1:${port}/v1/exec`],
    version: [bin, '--version'],
    exec: [bin, 'exec', 'db', 'select 1', '--format', 'tsv'],
    completion: [bin, '__complete', 'bash', 'exec', 'd'],
    help: [bin, 'exec', '--help'],
  };
  // NODE_EXTRA_CA_CERTS would add the same to each, and make the ratios look better than they are.
  const env = { PATH: process.env['PATH'], HOME: home, SLUICE_GATEWAY: `http://127.0.0.1:${port}`, SLUICE_TOKEN: 't' };
  const times: Record<string, number[]> = {};
  for (let run = 0; run < runs; run++) {
    for (const [name, words] of Object.entries(cases)) {
      const started = performance.now();
      const { status, stderr } = spawnSync(process.execPath, words, { env, cwd: home, encoding: 'utf8' });
      if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
      (times[name] ??= []).push(performance.now() - started);
    }
  }
  await worker.terminate();
  rmSync(home, { recursive: true, force: true });
  const own = times['node'] ?? [];
  for (const [name, values] of Object.entries(times)) {
    const ms = spread(values);
    const ratio = spread(values.map((value, run) => value / (own[run] ?? NaN)));
    if (ms === null || ratio === null) continue;
    process.stdout.write(
      `${name.padEnd(11)} ${ms.median.toFixed(0)} ms (${ms.min.toFixed(0)}–${ms.max.toFixed(0)})   ${ratio.median.toFixed(2)} × node   (least: ${(ms.min / Math.min(...own)).toFixed(2)})\n`,
    );
  }
}
