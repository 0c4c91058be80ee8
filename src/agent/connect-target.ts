import { SluiceClient } from '../client/api.js';
import { isReachedBySsh } from '../lib/ssh-kinds.js';
import type { ClientEnvironment } from '../client/environment.js';
import type { Profile } from '../client/profiles.js';
import { openTokenSource, type TokenSource } from '../client/tokens.js';
import { Transport } from '../client/transport.js';
import { SluiceError } from '../lib/errors.js';
import { listenOnPort, listenOnStablePort } from './stable-ports.js';
import { serveTunnel, type Tunnel, type TunnelOptions } from './tunnel.js';

export interface ConnectTargetOptions {
  readonly environment: ClientEnvironment;
  readonly profile: Profile;
  readonly target: string;
  /** `stable`: the remembered port of this profile and target. 0: any free one. */
  readonly port: number | 'stable';
  readonly reason: string | null;
  readonly tokens?: TokenSource;
  readonly transport?: Transport;
  readonly signal?: AbortSignal;
  readonly awayMs?: number;
  /** A tunnel that was open before: it listens again at once, with its old password, even if the gateway is away. */
  readonly again?: { readonly password: string };
  readonly onRefused?: TunnelOptions['onRefused'];
}

/** Opens a tunnel to a target, after asking the gateway whether it exists for this login, so that errors come at once. */
export async function connectTarget(options: ConnectTargetOptions): Promise<Tunnel> {
  const { environment, profile, target, reason } = options;
  const transport = options.transport ?? new Transport(environment);
  const tokens = options.tokens ?? openTokenSource({ environment, profile, transport });
  const client = new SluiceClient({ gateway: profile.gateway, transport, tokens });
  const check = async (signal?: AbortSignal): Promise<void> =>
    requireKnownKind((await client.target(target, signal === undefined ? {} : { signal })).kind);
  if (options.again === undefined) await check(options.signal);
  const { port, awayMs, onRefused } = options;
  return serveTunnel({
    target,
    listen: (server) =>
      port === 'stable'
        ? listenOnStablePort(server, { stateDir: environment.stateDir, profile: profile.name, target })
        : listenOnPort(server, port),
    dial: (passwordVerifier, signal) => client.openTunnel(target, { passwordVerifier, reason }, signal),
    check,
    ...(options.again === undefined ? {} : { password: options.again.password }),
    ...(awayMs === undefined ? {} : { awayMs }),
    ...(onRefused === undefined ? {} : { onRefused }),
  });
}

function requireKnownKind(kind: string): void {
  if (isReachedBySsh(kind)) {
    throw new SluiceError('usage', 'SSH needs no local port: let ssh itself come through Sluice', {
      decider: 'local',
      next: [
        { command: 'sluice config ssh', when: 'once, so that plain "ssh TARGET" works' },
        { command: 'sluice connect TARGET -- ssh', when: 'for now' },
      ],
    });
  }
  if (kind !== 'postgres') {
    throw new SluiceError('usage', `Tunnels to targets of kind ${kind} are not known to this client`, {
      decider: 'local',
    });
  }
}
