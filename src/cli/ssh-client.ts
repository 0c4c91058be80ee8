import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SluiceClient } from '../client/api.js';
import { quoteForShell } from '../lib/shell-quote.js';
import { runProgram } from './client-program.js';
import type { Asked } from './connection.js';
import type { Environment } from './environment.js';
import { ownProgram } from './own-program.js';
import { writeSshConfig } from './ssh-config.js';

export interface SshClientParts {
  readonly client: SluiceClient;
  readonly target: string;
  readonly reason: string | null;
  readonly environment: Environment;
  readonly asked: Asked;
}

/** Programs of OpenSSH, which take our configuration by -F. */
const takesConfig = new Set(['ssh', 'scp', 'sftp']);

/**
 * Runs a client against one ssh target with a configuration of its own. `ssh` gets the target as host unless a word names
 * it; rsync, git and Ansible find our ssh in their environment.
 */
export async function runSshClient(words: readonly string[], parts: SshClientParts): Promise<number> {
  const { client, target, reason, asked, environment } = parts;
  const dir = mkdtempSync(join(tmpdir(), 'sluice-ssh-'));
  try {
    const config = await writeSshConfig(client, { dir, targets: [target], asked, reason, program: ownProgram() });
    const [program = '', ...args] = words;
    const named = args.some((word) => word === target || word.endsWith(`@${target}`));
    const argv = takesConfig.has(program)
      ? [program, '-F', config, ...args, ...(program === 'ssh' && !named ? [target] : [])]
      : words;
    const ssh = `ssh -F ${quoteForShell(config)}`;
    return await runProgram(argv, {
      ...environment.variables,
      GIT_SSH_COMMAND: ssh,
      RSYNC_RSH: ssh,
      ANSIBLE_SSH_ARGS: `-F ${quoteForShell(config)} -o ControlMaster=auto -o ControlPersist=60s`,
    });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
