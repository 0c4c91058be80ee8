import { createHash } from 'node:crypto';
import { isSshKey } from '../lib/ssh-kinds.js';
import type { BundleTarget } from './targets.js';

/**
 * To whom a target's secret is shown: the address with what proves who is there, or the program that is given it. The same
 * text for the same, and another one whenever somebody else could come to see the secret.
 */
export function destinationOf({ kind, host, port, relay, tls, command, ssh }: BundleTarget): string {
  if (command !== undefined) {
    const { argv, runAs, directory, secretIn } = command;
    const variables = Object.entries(command.variables).sort(([a], [b]) => (a < b ? -1 : 1));
    return JSON.stringify([kind, relay, argv, runAs.uid, runAs.gid, directory, variables, secretIn]);
  }
  const proof =
    ssh === undefined
      ? [tls.mode, tls.ca === null ? null : createHash('sha256').update(tls.ca).digest('hex')]
      : ssh.hostKeys;
  return JSON.stringify([kind, host, port, relay, proof]);
}

/** The destinations of every secret of the vault that targets name. */
export function destinationsOf(targets: readonly BundleTarget[]): ReadonlyMap<string, readonly string[]> {
  const destinations = new Map<string, readonly string[]>();
  for (const target of targets) {
    const { secret } = target;
    if (secret?.provider !== 'vault') continue;
    destinations.set(secret.name, [...(destinations.get(secret.name) ?? []), destinationOf(target)]);
  }
  return destinations;
}

/** Whether who is at this destination gets to see the secret: a key logs in to a machine without being shown to it. */
export function isShownAt(destination: string, secret: string): boolean {
  const [kind] = JSON.parse(destination) as readonly unknown[];
  return !(kind === 'ssh' && isSshKey(secret));
}
