import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { agentPaths } from '../agent/private-dir.js';
import { Profiles } from '../client/profiles.js';
import { openAgent } from './agent.js';
import { excludeFromSsh, includedIn } from './config-ssh.js';
import { serviceUnit, uninstallService } from './daemon-service.js';
import type { Environment } from './environment.js';
import { logOutOf } from './logout.js';
import type { Output } from './output.js';

/** What the client half keeps. A gateway's or quickstart's state beside it is not ours to remove. */
const stateFiles = ['ports.json', 'ports.json.lock', 'tunnels.json', 'logins', 'gateway-version.json', 'completion'];
const configFiles = ['config.json', 'credentials', 'ssh'];

export interface Uninstalled {
  readonly logins: readonly string[];
  readonly service: string | null;
  readonly agent: boolean;
  readonly files: readonly string[];
  /** The user's own ssh configuration, which loses one line; null where it has none of ours. */
  readonly ssh_config: string | null;
  /** What stays, since something else made it. */
  readonly left: readonly string[];
}

/** What would be removed; nothing is. */
export async function planUninstall(environment: Environment): Promise<Uninstalled> {
  return {
    logins: new Profiles(environment.configDir).list().map(({ name }) => name),
    service: installedService(environment),
    agent: (await openAgent(environment).status()) !== null,
    files: filesOf(environment),
    ssh_config: includedIn(environment)?.file ?? null,
    left: leftovers(environment),
  };
}

/** Ends the agent, takes its service away, revokes every login and removes what the client kept. */
export async function uninstall(
  environment: Environment,
  context: { readonly out: Output; readonly signal: AbortSignal },
): Promise<Uninstalled> {
  const plan = await planUninstall(environment);
  if (plan.service !== null) {
    const { note } = await uninstallService(serviceUnit(environment));
    if (note !== null) context.out.note(note);
  }
  await openAgent(environment).shutdown();
  await logOutOf(null, { environment, ...context });
  excludeFromSsh(environment);
  for (const file of plan.files) rmSync(file, { recursive: true, force: true });
  const { configDir, stateDir, runtimeDir } = environment;
  for (const dir of [agentPaths(runtimeDir).dir, stateDir, configDir]) removeIfEmpty(dir);
  return { ...plan, left: leftovers(environment) };
}

/** Folders that hold something else stay, and it with them. */
function removeIfEmpty(dir: string): void {
  if (existsSync(dir) && readdirSync(dir).length === 0) rmdirSync(dir);
}

function installedService(environment: Environment): string | null {
  if (process.platform !== 'linux' && process.platform !== 'darwin') return null;
  const { file } = serviceUnit(environment);
  return existsSync(file) ? file : null;
}

function filesOf({ configDir, stateDir, runtimeDir }: Environment): readonly string[] {
  const { logFile, cookieFile, lockFile, socket } = agentPaths(runtimeDir);
  return [
    ...configFiles.map((name) => join(configDir, name)),
    ...stateFiles.map((name) => join(stateDir, name)),
    ...[logFile, `${logFile}.1`, cookieFile, lockFile, socket],
  ].filter((file) => existsSync(file));
}

function leftovers(environment: Environment): readonly string[] {
  const ours = new Set(filesOf(environment));
  const run = agentPaths(environment.runtimeDir).dir;
  return [environment.configDir, environment.stateDir]
    .flatMap((dir) => (existsSync(dir) ? readdirSync(dir).map((name) => join(dir, name)) : []))
    .filter((path) => !ours.has(path) && path !== run);
}
