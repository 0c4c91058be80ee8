import type { ProxySettings } from '../client/proxy-settings.js';

/** What the command line asks of the agent: HTTP with JSON over a Unix socket that only this user can open. */

export const controlProtocol = 2;
export const cookieHeader = 'x-sluice-cookie';
/** The Host of every control request; a page that got a browser to reach us by a name of its own has another. */
export const controlHost = 'agent';

/** POST /tunnels. Carries the caller's own surroundings: the agent may have been started from others. */
export interface OpenTunnelBody {
  readonly target: string;
  readonly profile: string;
  readonly gateway: string;
  /** Null: the stable port. */
  readonly port: number | null;
  readonly reason: string | null;
  readonly configDir: string;
  readonly caFile: string | null;
  /** Null: the agent's own. */
  readonly proxy: ProxySettings | null;
  readonly token: string | null;
  readonly tokenFile: string | null;
  readonly identityTokenFile: string | null;
  /** Closes the tunnel after this time; null: never. */
  readonly forMs: number | null;
}

/** One tunnel, as `tunnels list` shows it; the password is for this user alone, as the socket is. */
export interface TunnelView {
  readonly id: string;
  readonly target: string;
  readonly profile: string;
  readonly gateway: string;
  readonly host: string;
  readonly port: number;
  readonly password: string;
  readonly connections: number;
  readonly started_at: string;
  /** When it closes by itself; null: never. */
  readonly expires_at: string | null;
  readonly uri: string;
}

/** GET /status */
export interface AgentStatus {
  readonly protocol: number;
  readonly pid: number;
  readonly started_at: string;
  readonly tunnels: number;
  readonly connections: number;
  /** When the agent ends if no tunnel is opened; null while there are tunnels. */
  readonly idle_until: string | null;
}
