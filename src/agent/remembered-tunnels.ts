import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseObject } from '../client/error-document.js';
import { readIfPresent, writePrivate } from '../lib/private-files.js';
import type { OpenTunnelBody } from './control-types.js';

/** A tunnel as it was open: enough to listen again on the same port with the same password. */
export interface RememberedTunnel {
  readonly body: OpenTunnelBody;
  readonly port: number;
  readonly password: string;
  /** When it closes by itself, ms since epoch; null: never. */
  readonly until: number | null;
}

/**
 * The tunnels of an agent that died, was restarted or went down with the machine, in a file for this user only. Programs
 * have their port and password saved: they go on working. A tunnel opened with a token of one command's is not kept.
 */
export class RememberedTunnels {
  readonly #file: string;

  constructor(stateDir: string) {
    this.#file = join(stateDir, 'tunnels.json');
  }

  write(tunnels: readonly RememberedTunnel[]): void {
    // A proxy's address may hold a password, and the agent has its own.
    const kept = tunnels
      .filter(({ body }) => body.token === null)
      .map((tunnel) => ({ ...tunnel, body: { ...tunnel.body, proxy: null } }));
    if (kept.length === 0) rmSync(this.#file, { force: true });
    else writePrivate(this.#file, `${JSON.stringify({ version: 1, tunnels: kept }, null, 2)}\n`);
  }

  /** Those still to be open at `now`. A damaged file is no tunnels: they can be opened again by hand. */
  read(now: number): readonly RememberedTunnel[] {
    const document = parseObject(readIfPresent(this.#file) ?? '{}');
    const items: unknown = document?.['version'] === 1 ? document['tunnels'] : [];
    if (!Array.isArray(items)) return [];
    return items.flatMap((item: unknown) => {
      const tunnel = decode(item);
      return tunnel === null || (tunnel.until !== null && tunnel.until <= now) ? [] : [tunnel];
    });
  }
}

function decode(item: unknown): RememberedTunnel | null {
  const { body, port, password, until } = record(item);
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535) return null;
  if (typeof password !== 'string' || password.length < 16) return null;
  const { target, profile, gateway, configDir, reason, caFile, tokenFile } = record(body);
  if (typeof target !== 'string' || typeof profile !== 'string') return null;
  if (typeof gateway !== 'string' || typeof configDir !== 'string') return null;
  const optional = (value: unknown): string | null => (typeof value === 'string' ? value : null);
  return {
    body: {
      target,
      profile,
      gateway,
      configDir,
      port,
      reason: optional(reason),
      caFile: optional(caFile),
      proxy: null,
      token: null,
      tokenFile: optional(tokenFile),
      identityTokenFile: optional(record(body)['identityTokenFile']),
      forMs: null,
    },
    port,
    password,
    until: typeof until === 'number' ? until : null,
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
