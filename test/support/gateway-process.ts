import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GatewayUnderTest } from '../integration/gateway-harness.js';

const fromSource = fileURLToPath(new URL('../../bin/dev.js', import.meta.url));

export interface GatewayProcess {
  readonly pid: number | undefined;
  /** Starts the gateway as its operator does, unless it runs; resolves when it says that it is ready. */
  start(): Promise<void>;
  /** By SIGKILL: it says goodbye to nobody. */
  kill(): Promise<void>;
}

/** Serves a gateway that was set up, and closed, in this process by one of its own, which can be killed and come back. */
export async function gatewayProcess(
  { url, stateDir }: Pick<GatewayUnderTest, 'url' | 'stateDir'>,
  {
    dir,
    postgresPort,
    program = fromSource,
  }: { readonly dir: string; readonly postgresPort?: number; readonly program?: string },
): Promise<GatewayProcess> {
  const config = join(dir, 'gateway.yaml');
  const bootstrap = {
    listen: { host: '127.0.0.1', port: Number(new URL(url).port) },
    publicUrl: url,
    stateDir,
    issuers: [{ url: `${url}/idp`, audience: url, clientId: 'sluice-cli' }],
    demoIdentity: true,
    ...(postgresPort === undefined ? {} : { listeners: { postgres: { host: '127.0.0.1', port: postgresPort } } }),
  };
  await writeFile(config, JSON.stringify(bootstrap));
  let child: ChildProcess | null = null;
  const isRunning = (): boolean => child !== null && child.exitCode === null && child.signalCode === null;
  return {
    get pid() {
      return child?.pid;
    },
    async start() {
      if (isRunning()) return;
      const started = spawn(process.execPath, [program, 'gateway', 'start', '--config', config, '--json'], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, SLUICE_LOG_LEVEL: 'silent' },
      });
      child = started;
      await new Promise<void>((resolve, reject) => {
        started.stdout.once('data', () => resolve());
        started.once('exit', () => reject(new Error('the gateway did not start')));
      });
    },
    async kill() {
      if (child === null || !isRunning()) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
