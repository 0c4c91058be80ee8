import { Config } from '@oclif/core/config';
import { settings } from '@oclif/core/settings';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SluiceError } from '../lib/errors.js';
import { outputOf } from './base-command.js';
import { currentEnvironment, type Environment } from './environment.js';
import type { Output } from './output.js';
import { reportFailure } from './report.js';
import { resolveCommand } from './resolve.js';
import { topics } from './topics.js';

export interface MainOptions {
  /** The folder with `commands/` and, when built, the manifest: dist, or the repository when running from source. */
  readonly root: string;
  readonly packageFile: URL;
}

/** The whole life of the process: find the command, run it, flush, exit. */
export async function main({ root, packageFile }: MainOptions): Promise<never> {
  quietOnClosedPipe();
  const argv = process.argv.slice(2);
  const environment = currentEnvironment();
  const out = outputOf(argv, environment);
  try {
    const config = await loadConfig(root, packageFile);
    await run(config, argv, out);
  } catch (error) {
    const debug = environment.debug || argv.includes('--debug');
    process.exitCode = reportFailure(error, { out, debug, operation: false, flags: [] });
  }
  await tellOfUpdate(environment, out, packageFile);
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit();
}

/** Only where a newer version has been heard of, and only to a person: nothing else pays for it. */
async function tellOfUpdate(environment: Environment, out: Output, packageFile: URL): Promise<void> {
  const attended = process.stdout.isTTY === true && process.stderr.isTTY === true && (process.exitCode ?? 0) === 0;
  if (!attended || environment.unattended || !existsSync(join(environment.stateDir, 'gateway-version.json'))) return;
  const { noticeUpdate } = await import('./update-notice.js');
  const { version } = JSON.parse(await readFile(packageFile, 'utf8')) as { version: string };
  noticeUpdate({ environment, out, version, root: packageFile.pathname, now: Date.now(), attended });
}

/** oclif's configuration; its own transpiling is off, since it fails for ESM and source runs under tsx anyway. */
export async function loadConfig(root: string, packageFile: URL): Promise<Config> {
  settings.enableAutoTranspile = false;
  const pjson = JSON.parse(await readFile(packageFile, 'utf8')) as Config['pjson'];
  return Config.load({ root, pjson: { ...pjson, oclif: { ...pjson.oclif, commands: './commands', topics } } });
}

async function run(config: Config, argv: readonly string[], out: Output): Promise<void> {
  const asked = resolveCommand(argv, config.commandIDs, topicsOf(config.commandIDs));
  switch (asked.kind) {
    case 'version':
      out.show({ schema: 'sluice.version/v1', ok: true, version: config.version }, () => `sluice ${config.version}`);
      return;
    case 'help': {
      const { showHelp } = await import('./help.js');
      return showHelp(config, asked.words, out);
    }
    case 'command':
      await config.runCommand(asked.id, [...asked.argv]);
      return;
    case 'incomplete': {
      if (!out.json) {
        const { showTopicOnError } = await import('./help.js');
        await showTopicOnError(config, asked.topic);
      }
      const topic = asked.topic.replaceAll(':', ' ');
      throw new SluiceError('usage', `sluice ${topic} needs a subcommand.`, {
        next: [{ command: `sluice ${topic} --help`, when: 'to see them' }],
      });
    }
    case 'unknown': {
      const hint = asked.hint === null ? '' : ` Did you mean "sluice ${asked.hint}"?`;
      throw new SluiceError('usage', `No such command: sluice ${asked.typed}.${hint}`, {
        next: [{ command: asked.hint === null ? 'sluice --help' : `sluice ${asked.hint} --help`, when: '' }],
      });
    }
  }
}

/** Every proper prefix of a command's id. */
function topicsOf(ids: readonly string[]): readonly string[] {
  const topics = new Set<string>();
  for (const id of ids) {
    const parts = id.split(':');
    for (let length = 1; length < parts.length; length++) topics.add(parts.slice(0, length).join(':'));
  }
  return [...topics];
}

/** A reader that has seen enough (`| head`) ends us without a word; what is already decided stays the exit code. */
function quietOnClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || error.code === 'EIO') process.exit();
      throw error;
    });
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0 || stream.destroyed) resolve();
    else stream.write('', () => resolve());
  });
}
