import { connectTarget } from '../agent/connect-target.js';
import { isReachedBySsh } from '../lib/ssh-kinds.js';
import { tunnelCommand, tunnelEnvLines, tunnelJson, tunnelUri, type TunnelAddress } from '../agent/tunnel-formats.js';
import { openAgent } from './agent.js';
import { runClient } from './client-program.js';
import { connectStdio } from './connect-stdio.js';
import { openConnection, type Asked } from './connection.js';
import { parseDuration } from './durations.js';
import type { Environment } from './environment.js';
import type { Output } from './output.js';
import { plain } from './plain.js';
import { runSshClient } from './ssh-client.js';
import { usage } from './usage.js';

type Print = 'env' | 'uri' | 'json' | 'cmd';
export interface ConnectOrder {
  readonly target: string;
  readonly port: number | undefined;
  readonly print: Print | undefined;
  readonly detach: boolean;
  readonly for: string | undefined;
  readonly reason: string | undefined;
  /** Join this process's stdin and stdout to the target: for a ProxyCommand. */
  readonly stdio: boolean;
  /** The client program to run, and its arguments. */
  readonly client: readonly string[];
  readonly noDaemon: boolean;
}
export interface ConnectContext {
  readonly environment: Environment;
  readonly out: Output;
  /** Takes over Ctrl-C; asked for only when no client program should get it. */
  readonly signal: () => AbortSignal;
}

/** Opens the tunnel that was asked for; returns the exit code. */
export async function runConnect(order: ConnectOrder, asked: Asked, context: ConnectContext): Promise<number> {
  const { environment, out } = context;
  if (order.detach && order.client.length > 0) throw usage('--detach and a client program exclude each other.');
  if (order.detach && order.noDaemon) throw usage('--detach needs the local agent; leave out --no-daemon.');
  if (order.stdio && (order.detach || order.client.length > 0 || order.port !== undefined))
    throw usage('--stdio stands alone: it opens no port and runs no client.');
  const { client, profile, tokens, transport } = await openConnection(environment, asked);
  const { target, reason = null } = order;
  const forMs = order.for === undefined ? null : parseDuration(order.for, '--for');
  if (order.stdio) return connectStdio(client, { target, reason });
  if (order.client.length > 0 && isReachedBySsh((await client.target(target)).kind))
    return runSshClient(order.client, { client, target, reason, environment, asked });
  if (order.detach) {
    const tunnel = await openAgent(environment).openTunnel({
      target,
      profile,
      port: order.port ?? null,
      reason,
      forMs,
    });
    print(tunnel, order.print, out, true);
    const until = tunnel.expires_at === null ? '' : ` until ${tunnel.expires_at}`;
    out.note(
      `${plain(target)} stays at ${tunnel.host}:${tunnel.port}${until}. Close it: sluice tunnels stop ${target}`,
    );
    return 0;
  }
  const tunnel = await connectTarget({
    environment,
    profile,
    target,
    tokens,
    transport,
    reason,
    // A client program gets a port of its own: two of them at once must not be in each other's way.
    port: order.port ?? (order.client.length > 0 ? 0 : 'stable'),
    // A client program is told in its own protocol, and the terminal is its own: a line would stand in its prompt.
    ...(order.client.length > 0
      ? {}
      : { onRefused: (error) => out.note(`refused a connection: ${plain(error.message)}`) }),
  });
  try {
    if (order.client.length > 0) return await runClient(order.client, tunnel, environment.variables);
    // Before the address is said: whoever reads it may press Ctrl-C at once.
    const signal = context.signal();
    print(tunnel, order.print, out, false);
    out.note(
      `${plain(target)} is at ${tunnel.host}:${tunnel.port} until Ctrl-C; every connection is judged and recorded.` +
        (environment.unattended ? ' To return at once: --detach.' : ''),
    );
    await untilEnd(signal, forMs);
    return 0;
  } finally {
    await tunnel.close();
  }
}

function print(tunnel: TunnelAddress, as: Print | undefined, out: Output, detached: boolean): void {
  const document = { schema: 'sluice.connection/v1', ok: true, ...tunnelJson(tunnel), detached };
  out.show(document, () => {
    switch (as ?? 'uri') {
      case 'uri':
        return tunnelUri(tunnel);
      case 'env':
        return tunnelEnvLines(tunnel);
      case 'cmd':
        return tunnelCommand(tunnel);
      case 'json':
        return JSON.stringify(document);
    }
  });
}

/** Until the person has had enough, or the time is up. Ctrl-C is the ordinary end here, so it is no failure. */
function untilEnd(signal: AbortSignal, forMs: number | null): Promise<void> {
  return new Promise((resolve) => {
    const timer = forMs === null ? null : setTimeout(resolve, Math.min(forMs, 2 ** 31 - 1));
    const stop = (): void => {
      if (timer !== null) clearTimeout(timer);
      resolve();
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}
