import { join } from 'node:path';
import { isReachedBySsh } from '../lib/ssh-kinds.js';
import { readIfPresent, writePrivate } from '../lib/private-files.js';
import { openConnection, type Asked } from './connection.js';
import type { Environment } from './environment.js';
import type { Output } from './output.js';
import { ownProgram } from './own-program.js';
import { plain } from './plain.js';
import { writeSshConfig } from './ssh-config.js';

export interface ConfigSshOrder {
  /** Also write the Include line into the user's own ssh_config. */
  readonly install: boolean;
}

/** Writes our ssh_config for every ssh target of this login, and says how to use it. */
export async function configureSsh(
  order: ConfigSshOrder,
  asked: Asked,
  { environment, out }: { readonly environment: Environment; readonly out: Output },
): Promise<void> {
  const { client } = await openConnection(environment, asked);
  const { targets } = await client.targets();
  const names = targets.filter(({ kind }) => isReachedBySsh(kind)).map(({ name }) => name);
  const dir = join(environment.configDir, 'ssh');
  const config = await writeSshConfig(client, { dir, targets: names, asked, reason: null, program: ownProgram() });
  const include = includeLine(config);
  const installed = order.install ? installInclude(environment, include) : null;
  const document = { schema: 'sluice.config_ssh/v1', ok: true, config, include, targets: names, installed };
  out.show(document, () => include);
  out.note(`Written for ${names.length === 0 ? 'no target yet' : plain(names.join(', '))}: ${config}`);
  if (installed === null)
    out.note('Put this line at the top of ~/.ssh/config (or run with --install), and "ssh TARGET" works.');
  else out.note(`${installed} includes it; "ssh TARGET" works.`);
}

/** An Include counts for all hosts only before the first Host line, so it goes to the top. Nothing else is touched. */
function installInclude(environment: Environment, include: string): string {
  const file = join(environment.variables['HOME'] ?? '~', '.ssh', 'config');
  const text = readIfPresent(file) ?? '';
  if (!text.split('\n').includes(include)) writePrivate(file, `${include}\n${text}`);
  return file;
}

function includeLine(config: string): string {
  return `Include "${config}"`;
}

/** Takes back the line that `--install` put into the user's own ssh configuration. */
export function excludeFromSsh(environment: Environment): void {
  const found = includedIn(environment);
  if (found === null) return;
  const lines = (readIfPresent(found.file) ?? '').split('\n');
  writePrivate(found.file, lines.filter((line) => line !== found.line).join('\n'));
}

/** Where that line stands; null when it stands nowhere. */
export function includedIn({
  configDir,
  variables,
}: Environment): { readonly file: string; readonly line: string } | null {
  const file = join(variables['HOME'] ?? '~', '.ssh', 'config');
  const line = includeLine(join(configDir, 'ssh', 'config'));
  return (readIfPresent(file) ?? '').split('\n').includes(line) ? { file, line } : null;
}
