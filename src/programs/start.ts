import { SluiceError } from '../lib/errors.js';

/** How a process is started: no shell is in between. */
export interface Start {
  /** Absolute path of the program, and its arguments. */
  readonly argv: readonly [string, ...string[]];
  /** Never root. */
  readonly runAs: { readonly uid: number; readonly gid: number };
  readonly directory: string;
  /** All of its environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** What it can read once from descriptor 3. */
  readonly descriptor: string | null;
}

/** How long a process that was told to go may take. */
export const goneMs = 3_000;

/**
 * The command line that gives up every right and then becomes the program: no groups, no capabilities, and none to be had
 * again by set-user-ID programs. Throws where this process could only run it with rights of its own.
 */
export function wrapped(
  { argv, runAs: { uid, gid } }: Pick<Start, 'argv' | 'runAs'>,
  own = process.getuid?.() ?? -1,
): readonly [string, ...string[]] {
  if (own !== 0 || uid === 0 || gid === 0) {
    const why =
      own === 0
        ? 'it would run as root'
        : 'only a gateway or relay that runs as root can give a program an account of its own';
    throw new SluiceError('config_invalid', `the program is not run: ${why}`, { decider: 'gateway' });
  }
  return [
    'setpriv',
    ...[
      `--reuid=${uid}`,
      `--regid=${gid}`,
      '--clear-groups',
      '--no-new-privs',
      '--inh-caps=-all',
      '--bounding-set=-all',
    ],
    '--',
    ...argv,
  ];
}
