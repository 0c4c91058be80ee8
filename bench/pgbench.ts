import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const mostAttempts = 3;

export interface Address {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export interface PgbenchResult {
  readonly tps: number;
  /** Average latency of a transaction in milliseconds, from pgbench's own report. */
  readonly latencyMs: number;
}

/** How pgbench sends its statements: prepared once, or with values in the text, each time another. */
export type QueryMode = 'prepared' | 'simple';

/** pgbench's select-only script, for some seconds. */
export async function pgbench(
  at: Address,
  clients: number,
  seconds: number,
  mode: QueryMode = 'prepared',
): Promise<PgbenchResult> {
  for (let attempt = 1; ; attempt++) {
    const result = await once({ at, clients, seconds, mode });
    if (result !== null) return result;
    if (attempt === mostAttempts)
      throw new Error(`no transaction in ${seconds} s, ${attempt} times: is the machine busy?`);
  }
}

/** Null when no transaction came to its end, because connecting took all the time. */
async function once({
  at,
  clients,
  seconds,
  mode,
}: {
  readonly at: Address;
  readonly clients: number;
  readonly seconds: number;
  readonly mode: QueryMode;
}): Promise<PgbenchResult | null> {
  const args = ['-S', '-n', '-M', mode, '-c', String(clients), '-j', clients > 1 ? '2' : '1', '-T', String(seconds)];
  const where = ['-h', '127.0.0.1', '-p', String(at.port), '-U', at.user, at.database];
  const { stdout } = await run('pgbench', [...args, ...where], {
    timeout: (seconds + 30) * 1000,
    env: { ...process.env, PGPASSWORD: at.password, PGSSLMODE: 'disable' },
  });
  if (/^number of transactions actually processed: 0\b/m.test(stdout)) return null;
  const tps = /^tps = ([\d.]+)/m.exec(stdout)?.[1];
  const latency = /^latency average = ([\d.]+) ms/m.exec(stdout)?.[1];
  if (tps === undefined || latency === undefined) throw new Error(`pgbench said:\n${stdout}`);
  return { tps: Number(tps), latencyMs: Number(latency) };
}

/** Creates pgbench's tables, straight at the server. */
export async function initPgbench(at: Address, scale: number): Promise<void> {
  await run(
    'pgbench',
    ['-i', '-q', '-s', String(scale), '-h', '127.0.0.1', '-p', String(at.port), '-U', at.user, at.database],
    {
      env: { ...process.env, PGPASSWORD: at.password },
    },
  );
}
