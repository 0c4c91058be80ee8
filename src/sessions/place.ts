import { createHash } from 'node:crypto';
import type { TargetConfig } from './types.js';

/** Stands for where a target's name leads, and as whom: another text whenever what runs there would run elsewhere. */
export function placeOf({ kind, host, port, relay, database, username, command }: TargetConfig): string {
  const program = command && {
    ...{ argv: command.argv, runAs: command.runAs, directory: command.directory },
    variables: Object.entries(command.variables).sort(([a], [b]) => (a < b ? -1 : 1)),
  };
  const place = JSON.stringify([kind, host, port, relay?.name ?? null, database, username, program ?? null]);
  return createHash('sha256').update(place).digest('base64url');
}
