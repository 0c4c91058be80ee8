import type { z } from 'zod';
import type { targetsSchema } from './bundle-schema.js';
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
