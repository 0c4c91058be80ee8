import type { z } from 'zod';
import type { targetsSchema } from './bundle-schema.js';
import type { BundleTarget } from './targets.js';
import type { YamlPath, YamlSource } from './yaml-source.js';

/** A program that the gateway runs itself, or the target's relay; what the person says becomes further arguments of it. */
export interface CommandSettings {
  /** Absolute path of the program, and its first arguments. */
  readonly argv: readonly string[];
  /** Never root, never the gateway's own account. */
  readonly runAs: { readonly uid: number; readonly gid: number };
  readonly directory: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Where the program finds the secret: a variable, or a file descriptor (3); null: it gets none. */
  readonly secretIn: { readonly variable: string } | 'descriptor' | null;
}

type RawTarget = z.output<typeof targetsSchema>['targets'][number];

const nobody = { uid: 65_534, gid: 65_534 };

/** Reads what only command targets have; null when something is wrong, which has then been reported. */
export function readCommand(
  target: RawTarget,
  at: (key: string) => YamlPath,
  source: YamlSource,
): { readonly command: CommandSettings } | null {
  for (const key of [
    'address',
    'username',
    'database',
    'tls',
    'hostKey',
    'environment',
    'keepFileBytes',
    'certificate',
  ] as const) {
    if (target[key] === undefined) continue;
    source.report('error', at(key), `"${key}" has no meaning for a target of kind command`, 'leave it out');
    return null;
  }
  const { command } = target;
  if (command === undefined) {
    const hint = 'for example command: { argv: [/usr/bin/psql, --no-psqlrc] }';
    source.report('error', at('kind'), '"command" is missing: what is run', hint);
    return null;
  }
  const secretIn =
    command.secretVariable !== undefined
      ? { variable: command.secretVariable }
      : command.secretDescriptor
        ? ('descriptor' as const)
        : null;
  if (
    (secretIn === null) !== (target.secret === undefined) ||
    (command.secretVariable !== undefined && command.secretDescriptor)
  ) {
    const hint = 'a secret goes with either secretVariable: NAME or secretDescriptor: true';
    source.report('error', at('command'), 'it is not clear how the program gets the secret', hint);
    return null;
  }
  const { argv, runAs = nobody, directory, variables } = command;
  return { command: { argv, runAs, directory, variables, secretIn } };
}

/**
 * A program can read the environment and the memory of every other that runs under its account on the same machine: who may
 * use the one has the secret of the other. So accounts are shared by those alone that have the same secret, or none.
 */
export function reportSharedAccounts(
  targets: readonly Pick<BundleTarget, 'name' | 'command' | 'secret' | 'relay'>[],
  at: (name: string) => YamlPath,
  source: YamlSource,
): void {
  const holders = new Map<string, { readonly name: string; readonly secret: string }>();
  for (const { name, command, secret, relay } of targets) {
    if (command === undefined) continue;
    const own = secret === null ? '' : `${secret.provider}:${secret.name}`;
    const account = `${relay ?? ''} ${command.runAs.uid}`;
    const other = holders.get(account);
    if (other === undefined) holders.set(account, { name, secret: own });
    else if (other.secret !== own)
      source.report(
        'error',
        at(name),
        `"${name}" and "${other.name}" run under one account (uid ${command.runAs.uid}), so each could read the other's secret`,
        'give each an account of its own: command: { runAs: { uid: 64001, gid: 64001 }, … }',
      );
  }
}
