import type { Logger } from './log.js';
import type { Relays } from './relays.js';
import type { Upgrade } from './upgrades.js';

export interface RelayUpgradeParts {
  readonly relays: Relays;
  readonly log: Logger;
}

/** Serves `GET /v1/relays/NAME/serve` with `Upgrade: sluice-relay`: after the 101 the frames of docs/relay.md. */
export async function openRelay(name: string, upgrade: Upgrade, { relays, log }: RelayUpgradeParts): Promise<void> {
  const { request, requestId, caller } = upgrade;
  relays.admit(name, caller.principal);
  if (!upgrade.stream.writable) return;
  const origin = {
    address: request.socket.remoteAddress ?? '',
    version: String(request.headers['sluice-version'] ?? '').slice(0, 64),
  };
  log.info({ request: requestId, relay: name, machine: caller.principal.name }, 'relay connected');
  await relays.serve(name, caller, origin, upgrade.accept());
  log.info({ request: requestId, relay: name }, 'relay gone');
}
