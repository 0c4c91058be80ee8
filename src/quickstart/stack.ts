import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startGateway, type RunningGateway } from '../gateway/app.js';
import { bootstrapSchema, type Bootstrap } from '../gateway/config.js';
import { createLog } from '../gateway/log.js';
import { demoClientId, demoMachine, demoUsers } from '../identity/demo-provider.js';
import { SluiceError } from '../lib/errors.js';
import { putInForce } from './bundle-in-force.js';
import { patchPort, writeBundleOnce } from './bundle-folder.js';
import { starterBundle } from './bundle.js';
import type { Announce } from './events.js';
import { tryPort } from './ports.js';
import { startPostgres, type DemoPostgres } from './postgres.js';
import { seedShop } from './seed.js';
import type { ShopSize } from './shop-rows.js';
import { claimStateDir } from './state-dir.js';

export const demoTarget = 'demo-db';

export interface StackOptions {
  readonly stateDir: string;
  /** 0: the one used the last time if it is free, else any. */
  readonly port: number;
  readonly reset?: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly announce?: Announce;
  readonly signal?: AbortSignal;
  /** Smaller, nothing flushed to disk, on one major of PostgreSQL (any supported one when null): for tests. */
  readonly shop?: { readonly size: ShopSize; readonly lasting: boolean; readonly major: number | null };
}

/** Everything that a quickstart runs. */
export interface Stack {
  readonly url: string;
  readonly stateDir: string;
  readonly gateway: RunningGateway;
  readonly postgres: DemoPostgres;
  readonly users: readonly string[];
  stop(): Promise<void>;
}

/** Starts PostgreSQL, the shop, the gateway with its identity provider; what was started is stopped when a step fails. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const undo: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    return await start(options, undo, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(options: StackOptions, undo: (() => Promise<void>)[], stop: () => Promise<void>): Promise<Stack> {
  const { announce = () => undefined, signal } = options;
  const state = await claimStateDir({ path: options.stateDir, reset: options.reset ?? false });
  undo.push(() => state.release());
  announce({ event: 'starting', state_dir: state.path });
  if (options.port !== 0 && (await tryPort(options.port)) === null) throw busyPort(options.port);

  const database = join(state.path, 'postgres');
  const lasting = options.shop?.lasting ?? true;
  const postgres = await startPostgres({
    dir: database,
    env: options.env,
    lasting,
    major: options.shop?.major ?? null,
    ...(signal === undefined ? {} : { signal }),
  });
  undo.push(() => postgres.stop());
  announce({ event: 'postgres', version: postgres.version, port: postgres.port, log: postgres.logFile });
  const shop = await seedShop(postgres, {
    dir: database,
    onSeeding: () => announce({ event: 'seeding' }),
    ...(options.shop === undefined ? {} : { size: options.shop.size }),
    ...(signal === undefined ? {} : { signal }),
  });

  const bundle = join(state.path, 'bundle');
  await writeBundleOnce(bundle, starterBundle({ pgPort: postgres.port }));
  const moved = await patchPort(bundle, postgres.port, join(database, 'bundle-port'));
  signal?.throwIfAborted();
  // Only now: whatever was free before PostgreSQL and the shop were there may have been taken meanwhile.
  const port = options.port === 0 ? await choosePort(state.path) : options.port;
  const bootstrap = await writeBootstrap(state.path, port);
  const gateway = await startGateway(bootstrap, {
    log: createLog({ level: options.env['SLUICE_LOG_LEVEL'] ?? 'info', file: join(state.path, 'gateway.log') }),
  });
  undo.push(() => gateway.close());
  const inForce = await putInForce(gateway, bundle, moved);
  // For where the bundle in force says that the database is.
  await gateway.setSecret(demoTarget, shop.password);
  announce({ event: 'gateway', url: gateway.url, policy_version: gateway.bundleVersion() });
  if (inForce.by !== null) announce({ event: 'bundle_kept', folder: bundle, by: inForce.by });
  const users = [...demoUsers.map(({ id }) => id), demoMachine.id];
  return { url: gateway.url, stateDir: state.path, gateway, postgres, users, stop };
}

/** gateway.json, so that the same state can be served by `sluice gateway start` as well. */
async function writeBootstrap(stateDir: string, port: number): Promise<Bootstrap> {
  const publicUrl = `http://127.0.0.1:${port}`;
  const bootstrap = bootstrapSchema.parse({
    listen: { host: '127.0.0.1', port },
    publicUrl,
    stateDir,
    issuers: [
      { url: `${publicUrl}/idp`, audience: publicUrl, clientId: demoClientId, nameClaim: 'preferred_username' },
    ],
    demoIdentity: true,
  });
  await writeFile(join(stateDir, 'gateway.json'), `${JSON.stringify(bootstrap, null, 2)}\n`, { mode: 0o600 });
  return bootstrap;
}

/** Logins name the port, so it stays the same from start to start. */
async function choosePort(stateDir: string): Promise<number> {
  const known = /"port": (\d{1,5}),/.exec(await readFile(join(stateDir, 'gateway.json'), 'utf8').catch(() => ''))?.[1];
  const port = (known === undefined ? null : await tryPort(Number(known))) ?? (await tryPort(0));
  if (port === null) throw new SluiceError('local', 'No port of 127.0.0.1 is free.', { decider: 'local' });
  return port;
}

function busyPort(wanted: number): SluiceError {
  return new SluiceError('local', `Port ${wanted} of 127.0.0.1 is busy.`, {
    decider: 'local',
    next: [
      { command: `sluice quickstart --port ${wanted + 1}`, when: 'to use another one, or 0 for any' },
      { command: `ss -ltnp 'sport = :${wanted}'`, when: 'to see who has it' },
    ],
  });
}
