import { randomBytes } from 'node:crypto';
import { chmodSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import type { ClientEnvironment } from '../client/environment.js';
import { withFileLock } from '../client/file-lock.js';
import { messageOf, SluiceError } from '../lib/errors.js';
import { writePrivate } from '../lib/private-files.js';
import { systemClock, type AgentClock } from './clock.js';
import { createControlServer } from './control-server.js';
import { controlProtocol } from './control-types.js';
import { agentPaths, ensurePrivateDir, type AgentPaths } from './private-dir.js';
import { TunnelSet } from './tunnel-set.js';

const defaultIdleMs = 30 * 60_000;
const lockWaitMs = 10_000;

export interface RunAgentOptions {
  readonly environment: ClientEnvironment;
  /** Ends the agent. */
  readonly signal?: AbortSignal;
  /** How long the agent stays without tunnels; null: until it is told to go, as a service does. */
  readonly idleMs?: number | null;
  readonly clock?: AgentClock;
  /** One line for each thing that happens; none holds a secret. */
  readonly log?: (line: string) => void;
  readonly onReady?: () => void;
}

export type AgentEnd = 'already running' | 'idle' | 'shut down' | 'interrupted';

/** Runs the local agent until it is told to stop, or has had no tunnel for a while. */
export async function runAgent(options: RunAgentOptions): Promise<AgentEnd> {
  const { environment, idleMs = defaultIdleMs, clock = systemClock, log = () => undefined } = options;
  const paths = agentPaths(environment.runtimeDir);
  ensurePrivateDir(paths.dir);
  let end: (why: AgentEnd) => void = () => undefined;
  const ended = new Promise<AgentEnd>((resolve) => (end = resolve));
  const startedAt = clock.now();
  let idleUntil: number | null = null;
  let cancelIdle = (): void => undefined;
  const watchIdle = (count: number): void => {
    cancelIdle();
    const idle = count === 0 && idleMs !== null;
    cancelIdle = idle ? clock.after(idleMs, () => end('idle')) : () => undefined;
    idleUntil = idle ? clock.now() + idleMs : null;
  };
  const tunnels = new TunnelSet({ environment, onChange: watchIdle, clock, log });
  const cookie = randomBytes(32).toString('hex');
  const server = createControlServer({
    cookie,
    tunnels,
    shutdown: () => end('shut down'),
    status: () => ({
      protocol: controlProtocol,
      pid: process.pid,
      started_at: new Date(startedAt).toISOString(),
      tunnels: tunnels.size,
      connections: tunnels.connections,
      idle_until: idleUntil === null ? null : new Date(idleUntil).toISOString(),
    }),
  });
  // One start at a time: otherwise two could each find the other's socket stale.
  const first = await withFileLock(paths.lockFile, lockWaitMs, () => claim(server, paths, cookie));
  if (!first) return 'already running';
  watchIdle(0);
  options.signal?.addEventListener('abort', () => end('interrupted'), { once: true });
  if (options.signal?.aborted === true) end('interrupted');
  log(`started, pid ${process.pid}`);
  await tunnels.restore();
  options.onReady?.();
  const why = await ended;
  cancelIdle();
  rmSync(paths.cookieFile, { force: true });
  await tunnels.end();
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeIdleConnections();
  });
  log(`ended: ${why}`);
  return why;
}

/** Listens on the control socket, unless another agent answers there; a dead one's socket is removed. */
async function claim(server: Server, { socket, cookieFile }: AgentPaths, cookie: string): Promise<boolean> {
  if (await answers(socket)) return false;
  if (process.platform !== 'win32') rmSync(socket, { force: true });
  writePrivate(cookieFile, cookie);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socket, () => {
        server.off('error', reject);
        resolve();
      });
    });
    if (process.platform !== 'win32') chmodSync(socket, 0o600);
  } catch (error) {
    throw new SluiceError('local', `The local agent cannot listen on ${socket}: ${messageOf(error)}`, {
      decider: 'local',
      cause: error,
    });
  }
  return true;
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
