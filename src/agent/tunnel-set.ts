import type { ClientEnvironment } from '../client/environment.js';
import { parseGatewayUrl } from '../client/gateway-url.js';
import { Profiles, type Profile } from '../client/profiles.js';
import { openTokenSource, type TokenSource } from '../client/tokens.js';
import { Transport } from '../client/transport.js';
import { newId } from '../lib/ids.js';
import { messageOf, SluiceError } from '../lib/errors.js';
import type { AgentClock } from './clock.js';
import { connectTarget } from './connect-target.js';
import type { OpenTunnelBody, TunnelView } from './control-types.js';
import { RememberedTunnels, type RememberedTunnel } from './remembered-tunnels.js';
import type { Tunnel } from './tunnel.js';
import { tunnelUri } from './tunnel-formats.js';
import { requireSameIdentity } from './tunnel-identity.js';

interface Entry {
  readonly id: string;
  readonly body: OpenTunnelBody;
  readonly tunnel: Tunnel;
  until: number | null;
  cancelEnd: () => void;
}

export interface TunnelSetOptions {
  readonly environment: ClientEnvironment;
  readonly onChange: (count: number) => void;
  readonly clock: AgentClock;
  readonly log: (line: string) => void;
}

/** The agent's tunnels: at most one for each profile and target. */
export class TunnelSet {
  readonly #options: TunnelSetOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #opening = new Map<string, Promise<Entry>>();
  /** Shared by all tunnels of a login, so that it is refreshed once. */
  readonly #tokens = new Map<string, TokenSource>();
  readonly #remembered: RememberedTunnels;
  readonly #opened = new Set<() => void>();
  #forgotten = false;

  constructor(options: TunnelSetOptions) {
    this.#options = options;
    this.#remembered = new RememberedTunnels(options.environment.stateDir);
  }

  get size(): number {
    return this.#entries.size + this.#opening.size;
  }

  get connections(): number {
    return [...this.#entries.values()].reduce((sum, { tunnel }) => sum + tunnel.connections, 0);
  }

  list(): readonly TunnelView[] {
    return [...this.#entries.values()].map(viewOf);
  }

  /** Opens a tunnel, or returns the one that is open already. */
  async open(body: OpenTunnelBody): Promise<TunnelView> {
    const key = `${body.profile}/${body.target}`;
    const open = this.#entries.get(key) ?? (await this.#opening.get(key));
    if (open !== undefined) return this.#reuse(open, body);
    return viewOf(await this.#add(key, this.#connect(body, null)));
  }

  /** Opens what was open when the last agent ended without being told to. What cannot be is logged and forgotten. */
  async restore(): Promise<void> {
    for (const kept of this.#remembered.read(this.#options.clock.now())) {
      const key = `${kept.body.profile}/${kept.body.target}`;
      if (this.#entries.has(key) || this.#opening.has(key)) continue;
      try {
        const entry = await this.#add(key, this.#connect(kept.body, kept));
        if (kept.until !== null) this.#endAt(key, entry, kept.until);
      } catch (error) {
        this.#options.log(`could not open ${key} again: ${messageOf(error)}`);
      }
    }
    this.#remember();
  }

  /** Resolves when a tunnel to the target is open and a connection through it would get to the gateway. */
  async ready(
    asked: { readonly target: string; readonly profile: string | null; readonly limitMs: number },
    signal: AbortSignal,
  ): Promise<TunnelView> {
    const { target, profile, limitMs } = asked;
    const started = performance.now();
    const entry = await this.#appearance(({ body }) => matches(body, target, profile), limitMs, signal);
    if (entry === null) {
      throw new SluiceError('timeout', `No tunnel to ${target} was opened within ${Math.round(limitMs / 1000)} s`, {
        decider: 'local',
        retryable: true,
        next: [{ command: `sluice connect ${target} --detach`, when: 'to open it' }],
      });
    }
    await entry.tunnel.ready({ limitMs: Math.max(1, limitMs - (performance.now() - started)), signal });
    return viewOf(entry);
  }

  /** From now on the end of the agent is the end of its tunnels too. */
  forget(): void {
    this.#forgotten = true;
    this.#remembered.write([]);
  }

  /** Cuts every connection, at the end of the agent. */
  async end(): Promise<void> {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const entry of entries) entry.cancelEnd();
    await Promise.all(entries.map(({ tunnel }) => tunnel.close()));
  }

  async #add(key: string, opening: Promise<Entry>): Promise<Entry> {
    this.#opening.set(key, opening);
    this.#options.onChange(this.size);
    try {
      const entry = await opening;
      this.#entries.set(key, entry);
      if (entry.body.forMs !== null) this.#endAt(key, entry, this.#options.clock.now() + entry.body.forMs);
      this.#options.log(`opened ${key} on port ${entry.tunnel.port}`);
      this.#remember();
      for (const tell of this.#opened) tell();
      return entry;
    } finally {
      this.#opening.delete(key);
      this.#options.onChange(this.size);
    }
  }

  #endAt(key: string, entry: Entry, until: number): void {
    const { clock } = this.#options;
    entry.cancelEnd();
    entry.until = until;
    entry.cancelEnd = clock.after(Math.min(Math.max(until - clock.now(), 0), 2 ** 31 - 1), () => {
      if (this.#entries.get(key) === entry) void this.close(entry.body.target, entry.body.profile);
    });
  }

  #remember(): void {
    if (this.#forgotten) return;
    this.#remembered.write(
      [...this.#entries.values()].map(({ body, tunnel: { port, password }, until }) => ({
        body,
        port,
        password,
        until,
      })),
    );
  }

  #appearance(wanted: (entry: Entry) => boolean, limitMs: number, signal: AbortSignal): Promise<Entry | null> {
    return new Promise((resolve, reject) => {
      const settle = (entry: Entry | null): void => {
        clearTimeout(timer);
        this.#opened.delete(look);
        signal.removeEventListener('abort', leave);
        resolve(entry);
      };
      const look = (): void => {
        const entry = [...this.#entries.values()].find(wanted);
        if (entry !== undefined) settle(entry);
      };
      const leave = (): void => {
        settle(null);
        reject(signal.reason as Error);
      };
      const timer = setTimeout(() => settle(null), limitMs);
      this.#opened.add(look);
      signal.addEventListener('abort', leave, { once: true });
      look();
    });
  }

  /** Closes the tunnels of a target (of one profile, or of all), or every tunnel. Returns what was closed. */
  async close(target: string | null, profile: string | null): Promise<readonly TunnelView[]> {
    const chosen = [...this.#entries].filter(([, { body }]) => matches(body, target, profile));
    const views = chosen.map(([, entry]) => viewOf(entry));
    for (const [key, entry] of chosen) {
      entry.cancelEnd();
      this.#entries.delete(key);
    }
    this.#remember();
    await Promise.all(chosen.map(([, { tunnel }]) => tunnel.close()));
    for (const [key] of chosen) this.#options.log(`closed ${key}`);
    this.#options.onChange(this.size);
    return views;
  }

  async #connect(body: OpenTunnelBody, again: RememberedTunnel | null): Promise<Entry> {
    const environment: ClientEnvironment = {
      ...this.#options.environment,
      configDir: body.configDir,
      caFile: body.caFile,
      // A tunnel of before, and one of a caller without a proxy, goes the agent's own way.
      proxy: body.proxy ?? this.#options.environment.proxy,
      token: body.token,
      tokenFile: body.tokenFile,
      identityTokenFile: body.identityTokenFile,
    };
    const gateway = parseGatewayUrl(body.gateway);
    const stored = new Profiles(body.configDir).get(body.profile);
    const profile: Profile =
      stored?.gateway === gateway ? stored : { name: body.profile, gateway, user: null, credentials: null };
    const transport = new Transport(environment);
    const tunnel = await connectTarget({
      environment,
      profile,
      transport,
      target: body.target,
      port: again?.port ?? body.port ?? 'stable',
      reason: body.reason,
      ...(again === null ? {} : { again }),
      tokens: this.#tokensOf(environment, profile, transport),
      onRefused: (error) =>
        this.#options.log(`${body.profile}/${body.target}: connection refused: ${error.code}: ${error.message}`),
    });
    return { id: newId('tun'), body, tunnel, until: null, cancelEnd: () => undefined };
  }

  #tokensOf(environment: ClientEnvironment, profile: Profile, transport: Transport): TokenSource {
    const key = JSON.stringify([
      environment.configDir,
      profile.name,
      profile.gateway,
      environment.token,
      environment.tokenFile,
      environment.identityTokenFile,
    ]);
    const known = this.#tokens.get(key);
    if (known !== undefined) return known;
    const tokens = openTokenSource({ environment, profile, transport });
    this.#tokens.set(key, tokens);
    return tokens;
  }

  #reuse(entry: Entry, body: OpenTunnelBody): TunnelView {
    const { port } = entry.tunnel;
    if (body.port !== null && body.port !== 0 && body.port !== port) {
      throw new SluiceError('local', `A tunnel to ${body.target} is open on port ${port} already`, {
        decider: 'local',
        next: [{ command: `sluice tunnels stop ${body.target}`, when: 'to open it on another port' }],
      });
    }
    if (parseGatewayUrl(body.gateway) !== parseGatewayUrl(entry.body.gateway)) {
      throw new SluiceError('local', `A tunnel to ${body.target} through another gateway is open already`, {
        decider: 'local',
      });
    }
    requireSameIdentity(entry.body, body);
    if (body.forMs !== null) {
      this.#endAt(`${body.profile}/${body.target}`, entry, this.#options.clock.now() + body.forMs);
      this.#remember();
    }
    return viewOf(entry);
  }
}

function matches(body: OpenTunnelBody, target: string | null, profile: string | null): boolean {
  return (target === null || body.target === target) && (profile === null || body.profile === profile);
}

function viewOf({ id, body, tunnel, until }: Entry): TunnelView {
  const { target, host, port, password, connections } = tunnel;
  return {
    id,
    target,
    profile: body.profile,
    gateway: body.gateway,
    host,
    port,
    password,
    connections,
    started_at: new Date(tunnel.startedAt).toISOString(),
    expires_at: until === null ? null : new Date(until).toISOString(),
    uri: tunnelUri(tunnel),
  };
}
