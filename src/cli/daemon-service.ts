import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { launchdAgent, systemdUnit, type ServiceCommand, type ServiceUnit } from '../agent/service-unit.js';
import { SluiceError } from '../lib/errors.js';
import type { Environment } from './environment.js';
import { runProgram } from './run-program.js';
import { usage } from './usage.js';

/** Variables that the service must have as the person has them. No token: a service outlives what it is good for. */
const carried = [
  'SLUICE_CONFIG_DIR',
  'SLUICE_STATE_DIR',
  'SLUICE_CA_FILE',
  'SLUICE_CREDENTIAL_STORE',
  'HTTPS_PROXY',
  'NO_PROXY',
];

/** The unit for this system's service manager and this user. */
export function serviceUnit(environment: Environment, platform: NodeJS.Platform = process.platform): ServiceUnit {
  const { variables } = environment;
  const home = variables['HOME'] || homedir();
  const command: ServiceCommand = {
    program: process.execPath,
    arguments: [resolve(process.argv[1] ?? ''), 'daemon', 'run', '--keep'],
    variables: Object.fromEntries(
      carried.flatMap((name) => {
        const value = variables[name];
        return value === undefined || value === '' ? [] : [[name, value]];
      }),
    ),
  };
  if (platform === 'darwin') return launchdAgent(home, process.getuid?.() ?? 0, command);
  if (platform === 'linux') return systemdUnit(home, variables['XDG_CONFIG_HOME'] || null, command);
  throw usage(`There is no service for the local agent on ${platform}; it starts by itself when a tunnel is detached.`);
}

/** Writes the unit and, unless told otherwise, puts it into force. */
export async function installService(unit: ServiceUnit, { start }: { readonly start: boolean }): Promise<void> {
  mkdirSync(dirname(unit.file), { recursive: true });
  writeFileSync(unit.file, unit.text, { mode: 0o644 });
  if (!start) return;
  for (const words of unit.enable) {
    const problem = await runProgram(words);
    if (problem === null) continue;
    throw new SluiceError('local', `${unit.file} is written, but ${words.join(' ')} failed: ${problem}`, {
      decider: 'local',
      next: [
        { command: unit.enable.map((each) => each.join(' ')).join(' && '), when: 'to put it into force yourself' },
        { command: 'sluice daemon uninstall', when: 'to take it back' },
      ],
    });
  }
}

/** Takes the service away; false when there was none. The agent ends with it. */
export async function uninstallService(unit: ServiceUnit): Promise<{ removed: boolean; note: string | null }> {
  if (!existsSync(unit.file)) return { removed: false, note: null };
  let note: string | null = null;
  for (const words of unit.disable) {
    const problem = await runProgram(words);
    if (problem !== null) note = `${words.join(' ')}: ${problem}`;
  }
  rmSync(unit.file);
  return { removed: true, note };
}
