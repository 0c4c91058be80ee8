import type { ClientEnvironment } from '../client/environment.js';
import { parseGatewayUrl } from '../client/gateway-url.js';
import { Profiles, type Profile } from '../client/profiles.js';
import { openTokenSource, type TokenSource } from '../client/tokens.js';
import { Transport } from '../client/transport.js';
import { newId } from '../lib/ids.js';
import { SluiceError } from '../lib/errors.js';
import { connectTarget } from './connect-target.js';
import type { OpenTunnelBody, TunnelView } from './control-types.js';
import type { Tunnel } from './tunnel.js';
import { tunnelUri } from './tunnel-formats.js';

interface Entry {
  readonly id: string;
  readonly body: OpenTunnelBody;
  readonly tunnel: Tunnel;
}

export interface TunnelSetOptions {
  readonly environment: ClientEnvironment;
  readonly onChange: (count: number) => void;
  readonly log: (line: string) => void;
}

/** The agent's tunnels: at most one for each profile and target. */
export class TunnelSet {
  readonly #options: TunnelSetOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #opening = new Map<string, Promise<Entry>>();
  /** Shared by all tunnels of a login, so that it is refreshed once. */
  readonly #tokens = new Map<string, TokenSource>();

  constructor(options: TunnelSetOptions) {
    this.#options = options;
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
    const opening = this.#connect(body);
    this.#opening.set(key, opening);
    this.#options.onChange(this.size);
    try {
      const entry = await opening;
      this.#entries.set(key, entry);
      this.#options.log(`opened ${key} on port ${entry.tunnel.port}`);
      return viewOf(entry);
    } finally {
      this.#opening.delete(key);
      this.#options.onChange(this.size);
    }
  }

  /** Closes the tunnels of a target (of one profile, or of all), or every tunnel. Returns what was closed. */
  async close(target: string | null, profile: string | null): Promise<readonly TunnelView[]> {
    const chosen = [...this.#entries].filter(
      ([, { body }]) => (target === null || body.target === target) && (profile === null || body.profile === profile),
    );
    const views = chosen.map(([, entry]) => viewOf(entry));
    for (const [key] of chosen) this.#entries.delete(key);
    await Promise.all(chosen.map(([, { tunnel }]) => tunnel.close()));
    for (const [key] of chosen) this.#options.log(`closed ${key}`);
    this.#options.onChange(this.size);
    return views;
  }

  async #connect(body: OpenTunnelBody): Promise<Entry> {
    const environment: ClientEnvironment = {
      ...this.#options.environment,
      configDir: body.configDir,
      caFile: body.caFile,
      token: body.token,
      tokenFile: body.tokenFile,
    };
    const gateway = parseGatewayUrl(body.gateway);
    const stored = new Profiles(body.configDir).get(body.profile);
    const profile: Profile =
      stored?.gateway === gateway ? stored : { name: body.profile, gateway, user: null, credentials: null };
    const transport = new Transport(body.caFile);
    const tunnel = await connectTarget({
      environment,
      profile,
      transport,
      target: body.target,
      port: body.port ?? 'stable',
      reason: body.reason,
      tokens: this.#tokensOf(environment, profile, transport),
      onRefused: (error) =>
        this.#options.log(`${body.profile}/${body.target}: connection refused: ${error.code}: ${error.message}`),
    });
    return { id: newId('tun'), body, tunnel };
  }

  #tokensOf(environment: ClientEnvironment, profile: Profile, transport: Transport): TokenSource {
    const key = JSON.stringify([
      environment.configDir,
      profile.name,
      profile.gateway,
      environment.token,
      environment.tokenFile,
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
    return viewOf(entry);
  }
}

function viewOf({ id, body, tunnel }: Entry): TunnelView {
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
    uri: tunnelUri(tunnel),
  };
}
