import { join } from 'node:path';
import type { SluiceClient } from '../client/api.js';
import { writePrivate } from '../lib/private-files.js';
import { quoteForShell } from '../lib/shell-quote.js';
import { SluiceError } from '../lib/errors.js';
import type { Asked } from './connection.js';

/** How this very program is run again, by ssh as its ProxyCommand. */
export interface OwnProgram {
  readonly node: string;
  readonly flags: readonly string[];
  readonly script: string;
}

export interface SshConfigOptions {
  /** Where config and known_hosts are written. */
  readonly dir: string;
  readonly targets: readonly string[];
  readonly asked: Asked;
  readonly reason: string | null;
  readonly program: OwnProgram;
}

/** Writes an ssh_config of our own, with the gateway's host key beside it; gives its path. */
export async function writeSshConfig(client: SluiceClient, options: SshConfigOptions): Promise<string> {
  const { dir, targets } = options;
  const { host_key: hostKey } = await client.ssh();
  // Both go into files that ssh reads line by line.
  if (!/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+$/.test(hostKey)) {
    throw new SluiceError('unexpected', 'The gateway told a host key that is none.', { decider: 'local' });
  }
  const names = targets.filter((name) => /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name));
  const knownHosts = join(dir, 'known_hosts');
  writePrivate(knownHosts, `sluice-gateway ${hostKey}\n`);
  const config = join(dir, 'config');
  writePrivate(config, configText(names, knownHosts, options));
  return config;
}

function configText(names: readonly string[], knownHosts: string, options: SshConfigOptions): string {
  const head = '# Written by "sluice config ssh", which replaces it. Your own ssh_config is yours.\n';
  if (names.length === 0) return `${head}# There was no target of kind ssh for you.\n`;
  return (
    `${head}Host ${names.join(' ')}\n` +
    `  ProxyCommand ${proxyCommand(options)}\n` +
    '  HostKeyAlias sluice-gateway\n' +
    `  UserKnownHostsFile "${knownHosts}"\n` +
    '  GlobalKnownHostsFile /dev/null\n' +
    '  StrictHostKeyChecking yes\n' +
    '  UpdateHostKeys no\n' +
    '  CheckHostIP no\n' +
    '  User sluice\n' +
    // The login proves who you are; no key of yours is offered to the gateway.
    '  PubkeyAuthentication no\n' +
    '  PasswordAuthentication no\n' +
    '  KbdInteractiveAuthentication no\n' +
    '  GSSAPIAuthentication no\n'
  );
}

/** %n is the name as it was typed, which the Host line above has matched. */
function proxyCommand({ program, asked, reason }: SshConfigOptions): string {
  const words = [program.node, ...program.flags, program.script, 'connect', '--stdio', '--quiet'];
  if (asked.profile !== null) words.push('--profile', asked.profile);
  if (asked.gateway !== null) words.push('--gateway', asked.gateway);
  if (reason !== null) words.push('--reason', reason);
  // ssh expands % itself, also in what stands in quotes.
  return `${words.map((word) => quoteForShell(word.replaceAll('%', '%%'))).join(' ')} %n`;
}
