import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Profile } from '../../client/profiles.js';
import type { Environment } from '../environment.js';
import { profileOf } from './asked-profile.js';
import { mayRefresh, namesDir, namesFile } from './known-names.js';

type Variables = Readonly<Record<string, string | undefined>>;

/** Has a process of its own ask for the names; whoever starts it waits for nothing. `root`: where the program is. */
export function refreshInBackground(root: string, { name, gateway }: Profile, variables: Variables): void {
  // The certificates that the shell's function kept from us: reading them takes longer than all else.
  const { SLUICE_COMPLETE_CA: certificates = '', ...rest } = variables;
  const words = ['completion', 'refresh', '--profile', name, '--gateway', gateway];
  const child = spawn(process.execPath, [join(root, 'bin', 'run.js'), ...words], {
    detached: true,
    windowsHide: true,
    stdio: 'ignore',
    cwd: root,
    env: {
      ...rest,
      SLUICE_NON_INTERACTIVE: '1',
      ...(certificates === '' ? {} : { NODE_EXTRA_CA_CERTS: certificates }),
    },
  });
  child.on('error', () => undefined); // the names stay as old as they are
  child.unref();
}

/** After a person's command that went well: whatever its login needed is unlocked now, so this opens no dialog. */
export function refreshAfterCommand(root: string, argv: readonly string[], environment: Environment): void {
  const { stateDir, variables } = environment;
  if (!existsSync(namesDir(stateDir)) || ['logout', 'uninstall', 'completion'].includes(argv[0] ?? '')) return;
  const { profile } = profileOf(environment, argv);
  if (profile === null || profile.credentials === null) return;
  if (mayRefresh(namesFile(stateDir, profile), Date.now())) refreshInBackground(root, profile, variables);
}
