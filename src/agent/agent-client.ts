import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientEnvironment } from '../client/environment.js';
import { decodeFailure, parseObject } from '../client/error-document.js';
import type { Profile } from '../client/profiles.js';
import { messageOf, SluiceError } from '../lib/errors.js';
import { readIfPresent, systemCode } from '../lib/private-files.js';
import {
  controlHost,
  controlProtocol,
  cookieHeader,
  type AgentStatus,
  type OpenTunnelBody,
  type TunnelView,
} from './control-types.js';
import { agentPaths, ensurePrivateDir, type AgentPaths } from './private-dir.js';

/** How to start the agent as a process of its own. */
export interface AgentLaunch {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly variables: Readonly<Record<string, string | undefined>>;
}

export interface OpenTunnelRequest {
  readonly target: string;
  readonly profile: Profile;
  readonly port?: number | null;
  readonly reason?: string | null;
  /** Closes it after this time. */
  readonly forMs?: number | null;
}

const readyLimitMs = 10_000;
const pollMs = 25;
const callLimitMs = 60_000;

/** The command line's side of the local agent. */
export class AgentClient {
  readonly #environment: ClientEnvironment;
  readonly #launch: AgentLaunch;
  readonly #paths: AgentPaths;

  constructor(options: { readonly environment: ClientEnvironment; readonly launch: AgentLaunch }) {
    this.#environment = options.environment;
    this.#launch = options.launch;
    this.#paths = agentPaths(options.environment.runtimeDir);
  }

  get logFile(): string {
    return this.#paths.logFile;
  }

  /** The running agent's status, or null when none runs. */
  async status(): Promise<AgentStatus | null> {
    try {
      return (await this.#call('GET', '/status')) as unknown as AgentStatus;
    } catch (error) {
      if (error instanceof NotRunning) return null;
      throw error;
    }
  }

  /** Starts the agent unless one runs, and waits until it answers. */
  async ensureRunning(): Promise<AgentStatus> {
    const running = await this.status();
    if (running !== null) return requireSameProtocol(running);
    const child = this.#spawn();
    const deadline = performance.now() + readyLimitMs;
    while (performance.now() < deadline) {
      const status = await this.status();
      if (status !== null) return requireSameProtocol(status);
      const failure = child.failure();
      if (failure !== null) throw this.#notStarted(failure);
      await delay(pollMs);
    }
    throw this.#notStarted(`it did not answer within ${readyLimitMs / 1000} s`);
  }

  async openTunnel({
    target,
    profile,
    port = null,
    reason = null,
    forMs = null,
  }: OpenTunnelRequest): Promise<TunnelView> {
    await this.ensureRunning();
    const { configDir, caFile, proxy, token, tokenFile, identityTokenFile } = this.#environment;
    const body: OpenTunnelBody = {
      target,
      profile: profile.name,
      gateway: profile.gateway,
      port,
      reason,
      configDir,
      caFile,
      proxy,
      token,
      tokenFile,
      identityTokenFile,
      forMs,
    };
    return (await this.#call('POST', '/tunnels', body)) as unknown as TunnelView;
  }

  /** Waits until a tunnel to the target is open and usable, however it is opened. */
  async waitFor(target: string, profile: string | null, limitMs: number): Promise<TunnelView> {
    await this.ensureRunning();
    const query = new URLSearchParams({ target, limit_ms: String(limitMs), ...(profile === null ? {} : { profile }) });
    const path = `/tunnels/wait?${query.toString()}`;
    return (await this.#call('GET', path, undefined, limitMs + callLimitMs)) as unknown as TunnelView;
  }

  /** Empty when no agent runs. */
  async list(): Promise<readonly TunnelView[]> {
    return this.#tunnels('GET', '/tunnels');
  }

  /** Closes the tunnels to a target; returns those that were open. */
  async stop(target: string, profile: string | null = null): Promise<readonly TunnelView[]> {
    const query = new URLSearchParams({ target, ...(profile === null ? {} : { profile }) });
    return this.#tunnels('DELETE', `/tunnels?${query.toString()}`);
  }

  async stopAll(): Promise<readonly TunnelView[]> {
    return this.#tunnels('DELETE', '/tunnels');
  }

  /** Ends the agent and with it every tunnel. False when none ran. */
  async shutdown(): Promise<boolean> {
    try {
      await this.#call('POST', '/shutdown');
    } catch (error) {
      if (error instanceof NotRunning) return false;
      throw error;
    }
    const deadline = performance.now() + readyLimitMs;
    while (performance.now() < deadline && (await this.status()) !== null) await delay(pollMs);
    return true;
  }

  async #tunnels(method: string, path: string): Promise<readonly TunnelView[]> {
    try {
      const document = await this.#call(method, path);
      return Array.isArray(document['tunnels']) ? (document['tunnels'] as TunnelView[]) : [];
    } catch (error) {
      if (error instanceof NotRunning) return [];
      throw error;
    }
  }

  #spawn(): { readonly failure: () => string | null } {
    ensurePrivateDir(this.#paths.dir);
    const log = openSync(this.#paths.logFile, 'a', 0o600);
    // A token given to one command must not become every later tunnel's: it travels with each request instead.
    const {
      SLUICE_TOKEN: _t,
      SLUICE_TOKEN_FILE: _f,
      SLUICE_IDENTITY_TOKEN_FILE: _i,
      ...variables
    } = this.#launch.variables;
    let failure: string | null = null;
    try {
      const child = spawn(this.#launch.command, this.#launch.arguments, {
        cwd: this.#paths.dir,
        detached: true,
        windowsHide: true,
        stdio: ['ignore', log, log],
        env: variables,
      });
      child.once('error', (error) => (failure = messageOf(error)));
      child.once('exit', (code, signal) => {
        if (code !== 0) failure = `it ended at once (${signal ?? `exit code ${code}`})`;
      });
      child.unref();
    } finally {
      closeSync(log);
    }
    return { failure: () => failure };
  }

  #notStarted(why: string): SluiceError {
    return new SluiceError('local', `The local agent did not start: ${why}`, {
      decider: 'local',
      next: [
        { command: `cat ${this.#paths.logFile}`, when: 'to see its log' },
        { command: 'sluice connect TARGET --foreground', when: 'to work without it' },
      ],
    });
  }

  #call(
    method: string,
    path: string,
    body?: OpenTunnelBody,
    limitMs = callLimitMs,
  ): Promise<Readonly<Record<string, unknown>>> {
    const cookie = readIfPresent(this.#paths.cookieFile);
    if (cookie === null) return Promise.reject(new NotRunning());
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const headers = {
        host: controlHost,
        [cookieHeader]: cookie,
        ...(text === undefined ? {} : { 'content-type': 'application/json' }),
      };
      const signal = AbortSignal.timeout(limitMs);
      const call = request(
        { socketPath: this.#paths.socket, method, path, headers, signal, agent: false },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () => {
            const received = Buffer.concat(chunks).toString('utf8');
            const document = answer.statusCode === 200 ? parseObject(received) : null;
            if (document === null) reject(decodeFailure(answer.statusCode ?? 0, received, 'the local agent'));
            else resolve(document);
          });
        },
      );
      call.on('error', (error) => reject(this.#unreachable(error)));
      call.end(text);
    });
  }

  #unreachable(error: Error): Error {
    switch (systemCode(error)) {
      case 'ENOENT':
      case 'ECONNREFUSED':
      case 'ECONNRESET':
      case 'EPIPE': // it was ending when it was asked
        return new NotRunning();
      case 'EPERM':
      case 'EACCES':
        return new SluiceError(
          'local',
          `The local agent's socket is blocked here (${systemCode(error)}); a sandbox may forbid it`,
          {
            decider: 'local',
            next: [{ command: 'sluice connect TARGET --no-daemon', when: 'to work without the agent' }],
            cause: error,
          },
        );
      default:
        return new SluiceError('local', `The local agent failed: ${messageOf(error)}`, {
          decider: 'local',
          cause: error,
        });
    }
  }
}

class NotRunning extends Error {}

function requireSameProtocol(status: AgentStatus): AgentStatus {
  if (status.protocol === controlProtocol) return status;
  throw new SluiceError('local', 'The local agent that runs is of another version', {
    decider: 'local',
    next: [{ command: 'sluice daemon stop', when: 'then try again' }],
  });
}
