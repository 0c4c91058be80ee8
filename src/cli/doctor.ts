import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { controlProtocol } from '../agent/control-types.js';
import { findPortHolder } from '../agent/port-holder.js';
import { readRememberedPorts } from '../agent/stable-ports.js';
import { openCredentialStore } from '../client/credentials.js';
import { Profiles } from '../client/profiles.js';
import type { SluiceClient } from '../client/api.js';
import { isSluiceError, messageOf, SluiceError, type NextStep } from '../lib/errors.js';
import { openAgent } from './agent.js';
import { openConnection, type Asked, type Connection } from './connection.js';
import { serviceUnit } from './daemon-service.js';
import type { Environment } from './environment.js';
import { asSluiceError } from './failure.js';

export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly message: string;
  readonly fix: readonly NextStep[];
  /** For a target's database: SQL that would confine the gateway's role better. */
  readonly hardening?: readonly string[];
}

export interface DoctorReport {
  readonly schema: 'sluice.doctor/v1';
  readonly ok: true;
  readonly healthy: boolean;
  readonly target: string | null;
  readonly checks: readonly Check[];
}

/** Looks at everything between this machine and the gateway, each layer after those it stands on, and says how to mend it. */
export async function examine(
  environment: Environment,
  asked: Asked,
  options: { readonly target: string | null; readonly signal: AbortSignal },
): Promise<DoctorReport> {
  const { target, signal } = options;
  const checks: Check[] = [runtime(), configuration(environment)];
  checks.push(await keyring(environment));
  const connection = await openConnection(environment, asked).catch(() => null);
  const reached = connection === null ? null : await gateway(connection, signal);
  checks.push(...(reached ?? [skipped('gateway', 'no gateway is known here')]));
  const reachable = reached?.[0]?.state === 'ok';
  const login = reachable && connection !== null ? await loginOf(connection.client, signal) : null;
  checks.push(login ?? skipped('login', 'the gateway does not answer'));
  checks.push(await agent(environment), ...(await ports(environment)), service(environment));
  if (target !== null) {
    const able = login?.state === 'ok' && connection !== null;
    checks.push(...(able ? await onTarget(connection.client, target, signal) : [skipped(target, 'there is no login')]));
  }
  const healthy = checks.every(({ state }) => state !== 'failed');
  return { schema: 'sluice.doctor/v1', ok: true, healthy, target, checks };
}

const fine = (name: string, message: string): Check => ({ name, state: 'ok', message, fix: [] });
const skipped = (name: string, message: string): Check => ({ name, state: 'skipped', message, fix: [] });
const wrong = (name: string, message: string, fix: readonly NextStep[] = []): Check => ({
  ...{ name, message, fix },
  state: 'failed',
});
const doubtful = (name: string, message: string, fix: readonly NextStep[] = []): Check => ({
  ...{ name, message, fix },
  state: 'warning',
});

function failed(name: string, error: unknown): Check {
  const { message, details } = asSluiceError(error);
  return wrong(name, message, details.next ?? []);
}

function runtime(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const old = major < 20 || (major === 20 && minor < 19);
  const text = `Node.js ${process.versions.node} on ${process.platform} ${process.arch}`;
  return old ? wrong('runtime', `${text}; 20.19 or newer is needed`) : fine('runtime', text);
}

function configuration({ configDir }: Environment): Check {
  const name = 'configuration';
  try {
    const profiles = new Profiles(configDir).list();
    const open = ['.', 'credentials'].map((part) => join(configDir, part)).filter((dir) => isOpenToOthers(dir));
    if (open.length > 0) {
      const fix = [{ command: `chmod 700 ${open.join(' ')}`, when: 'to close it to other users' }];
      return doubtful(name, `${open.join(', ')}: other users of this machine can look in`, fix);
    }
    if (profiles.length === 0) return fine(name, `no profile in ${configDir} yet`);
    return fine(name, profiles.map((profile) => `${profile.name} → ${profile.gateway}`).join(', '));
  } catch (error) {
    return failed(name, error);
  }
}

function isOpenToOthers(dir: string): boolean {
  return (
    process.platform !== 'win32' && existsSync(dir) && (statSync(dir).mode & 0o077) !== 0 && dir.endsWith('credentials')
  );
}

async function keyring({ credentialStore, configDir, token, tokenFile }: Environment): Promise<Check> {
  const name = 'credential store';
  if (token !== null || tokenFile !== null) return skipped(name, 'a token comes from the environment');
  try {
    const { kind, note } = await openCredentialStore({ choice: credentialStore, configDir });
    if (note === null)
      return fine(name, kind === 'keyring' ? "the system's keyring works" : 'a private file, as asked for');
    return doubtful(name, note, [
      { command: 'export SLUICE_CREDENTIAL_STORE=file', when: 'to use the file without trying the keyring' },
    ]);
  } catch (error) {
    return failed(name, error);
  }
}

/** Reachability and clock: the same answer tells both. */
async function gateway({ profile, transport }: Connection, signal: AbortSignal): Promise<readonly Check[]> {
  const started = performance.now();
  try {
    const answer = await transport.send({
      method: 'GET',
      url: `${profile.gateway}/healthz`,
      signal,
      timeoutMs: 10_000,
    });
    const tookMs = Math.round(performance.now() - started);
    if (answer.status !== 200) throw new SluiceError('gateway_unreachable', `it answers with status ${answer.status}`);
    return [fine('gateway', `${profile.gateway} answers in ${tookMs} ms`), clock(answer.headers.date)];
  } catch (error) {
    signal.throwIfAborted();
    const { message } = asSluiceError(error);
    const fix = [{ command: `curl -v ${profile.gateway}/healthz`, when: 'to see where it ends' }];
    return [wrong('gateway', `${profile.gateway}: ${message}`, fix), skipped('clock', 'the gateway does not answer')];
  }
}

function clock(date: string | undefined): Check {
  const seconds = Math.round((Date.now() - Date.parse(date ?? '')) / 1000);
  if (!Number.isFinite(seconds)) return skipped('clock', 'the gateway does not tell its time');
  if (Math.abs(seconds) <= 30) return fine('clock', 'as the gateway’s');
  const side = seconds > 0 ? 'ahead of' : 'behind';
  return doubtful('clock', `this machine is ${Math.abs(seconds)} s ${side} the gateway`, [
    { command: 'timedatectl set-ntp true', when: 'to have it set by the network' },
  ]);
}

async function loginOf(client: SluiceClient, signal: AbortSignal): Promise<Check> {
  try {
    const { name, kind, groups, expires_at } = await client.whoami({ signal });
    return fine('login', `${name} (${kind}; ${groups.join(', ') || 'in no group'}) until ${expires_at}`);
  } catch (error) {
    signal.throwIfAborted();
    return failed('login', error);
  }
}

async function agent(environment: Environment): Promise<Check> {
  const name = 'local agent';
  if (environment.noDaemon) return skipped(name, 'SLUICE_NO_DAEMON is set');
  try {
    const status = await openAgent(environment).status();
    if (status === null) return fine(name, 'not running; it starts when a tunnel is detached');
    const stop = [{ command: 'sluice daemon stop', when: 'then it starts as this version' }];
    if (status.protocol !== controlProtocol) return wrong(name, 'the one that runs is of another version', stop);
    return fine(name, `pid ${status.pid}, ${status.tunnels} tunnels, ${status.connections} connections`);
  } catch (error) {
    return failed(name, error);
  }
}

/** Ports that are remembered for tunnels, and are something else's now. */
async function ports(environment: Environment): Promise<readonly Check[]> {
  const open = await openAgent(environment)
    .list()
    .catch(() => []);
  const mine = new Set(open.map(({ port }) => port));
  const busy: string[] = [];
  for (const [key, port] of readRememberedPorts(environment.stateDir)) {
    if (mine.has(port) || (await isFree(port))) continue;
    busy.push(`${port} of ${key}${await holder(port)}`);
  }
  if (busy.length === 0) return [fine('ports', 'those of tunnels are free or theirs')];
  const fix = [{ command: 'sluice connect TARGET --port 0', when: 'to use another one meanwhile' }];
  return [doubtful('ports', `in use by something else: ${busy.join(', ')}`, fix)];
}

async function holder(port: number): Promise<string> {
  const found = await findPortHolder(port);
  return found === null ? '' : ` (${found})`;
}

function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen({ host: '127.0.0.1', port, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

function service(environment: Environment): Check {
  const name = 'agent service';
  try {
    const { file, text } = serviceUnit(environment);
    if (!existsSync(file)) return skipped(name, 'not installed; sluice daemon install makes tunnels survive a restart');
    if (readFileSync(file, 'utf8') === text) return fine(name, file);
    return doubtful(name, `${file} was written by another installation of sluice`, [
      { command: 'sluice daemon install', when: 'to write it anew' },
    ]);
  } catch (error) {
    return skipped(name, messageOf(error));
  }
}

/** What the gateway's own role could do on the target's database. */
async function onTarget(client: SluiceClient, target: string, signal: AbortSignal): Promise<readonly Check[]> {
  try {
    const { checks } = await client.targetDoctor(target, { signal });
    return checks.map(({ name, state, message, hardening }) => ({
      ...{ name: `${target}: ${name}`, state, message, hardening },
      fix: [],
    }));
  } catch (error) {
    signal.throwIfAborted();
    // Nothing is wrong then: this is not for everyone.
    if (isSluiceError(error, 'denied'))
      return [skipped(target, 'what the gateway’s own role could do there is for those who may read the policies')];
    return [failed(target, error)];
  }
}
