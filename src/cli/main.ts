import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SluiceError } from '../lib/errors.js';
import { type CommandClass, outputOf, type Program } from './base-command.js';
import { commandIds, loadCommand, topicsOf } from './command-files.js';
import { currentEnvironment, type Environment } from './environment.js';
import type { Output } from './output.js';
import { exitCodeOf, ownFailureBase } from './exit-codes.js';
import { reportFailure } from './report.js';
import { resolveCommand } from './resolve.js';

export interface MainOptions {
  /** The folder with `commands/` and, when built, the manifest: dist, or the repository when running from source. */
  readonly root: string;
  readonly packageFile: URL;
  /** Commands by id that are in memory already; the others are loaded from their files. */
  readonly loaded?: Readonly<Record<string, CommandClass>>;
}

/** The whole life of the process: find the command, run it, flush, exit. */
export async function main({ root, packageFile, loaded = {} }: MainOptions): Promise<never> {
  endWhereOutputEnds();
  openNoDebugger();
  const argv = process.argv.slice(2);
  const environment = currentEnvironment();
  const out = outputOf(argv, environment);
  try {
    await run({ root, packageFile, loaded }, argv, out);
  } catch (error) {
    const debug = environment.debug || argv.includes('--debug');
    process.exitCode = reportFailure(error, { out, debug });
  }
  if (isAttended(environment)) await afterwards(argv, environment, { out, packageFile });
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  if (process.stdout.errored) outputEnded(process.stdout.errored);
  process.exit();
}

/** A person ran it, at a terminal, and it went well. */
function isAttended({ unattended }: Environment): boolean {
  const terminal = process.stdout.isTTY === true && process.stderr.isTTY === true;
  return terminal && !unattended && (process.exitCode ?? 0) === 0;
}

/** What is done for the person once the command is: only where it is used, so that nothing else pays for it. */
async function afterwards(
  argv: readonly string[],
  environment: Environment,
  { out, packageFile }: { readonly out: Output; readonly packageFile: URL },
): Promise<void> {
  const program = programOf(packageFile, '');
  if (existsSync(join(environment.stateDir, 'completion'))) {
    const { refreshAfterCommand } = await import('./completion/refresh-process.js');
    refreshAfterCommand(program.root, argv, environment);
  }
  if (!existsSync(join(environment.stateDir, 'gateway-version.json'))) return;
  const { noticeUpdate } = await import('./update-notice.js');
  const { version } = program;
  noticeUpdate({ environment, out, version, root: packageFile.pathname, now: Date.now(), attended: true });
}

/** What commands may know of the whole; read when it is asked for. */
function programOf(packageFile: URL, command: string): Program {
  return {
    command,
    root: fileURLToPath(new URL('.', packageFile)),
    get version() {
      return (JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }).version;
    },
  };
}

async function run(
  { root, packageFile, loaded }: Required<MainOptions>,
  argv: readonly string[],
  out: Output,
): Promise<void> {
  const ids = commandIds(root);
  const asked = resolveCommand(argv, ids, topicsOf(ids));
  switch (asked.kind) {
    case 'version': {
      const { version } = programOf(packageFile, '');
      out.show({ schema: 'sluice.version/v1', ok: true, version }, () => `sluice ${version}`);
      return;
    }
    case 'help': {
      const { showHelp } = await import('./help.js');
      return showHelp({ root, packageFile }, asked.words, out);
    }
    case 'command': {
      const program = programOf(packageFile, asked.id.replaceAll(':', ' '));
      return (loaded[asked.id] ?? (await loadCommand(root, asked.id))).run(asked.argv, program);
    }
    case 'incomplete': {
      if (!out.json) {
        const { showTopicOnError } = await import('./help.js');
        await showTopicOnError({ root, packageFile }, asked.topic);
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

/**
 * Node answers SIGUSR1 with a debugger on a loopback port, open to every user of the machine: in it are the tokens,
 * secrets and keys of this process. Taking the signal prevents that; `node --inspect` stays possible on purpose.
 */
function openNoDebugger(): void {
  process.on('SIGUSR1', () => undefined);
}

function endWhereOutputEnds(): void {
  process.stdout.on('error', outputEnded);
  // What is said beside the payload may be lost; a reader of both that is gone has seen enough.
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
  });
}

/**
 * A reader that has seen enough (`| head`), or a terminal that is gone, ends us without a word; what is already decided
 * stays the exit code. Where a disk is full, what was asked for is not there: that is no success.
 */
function outputEnded(error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE' || (error.code === 'EIO' && process.stdout.isTTY)) process.exit();
  const [command, ...words] = process.argv.slice(2);
  const base = command === 'exec' && words.includes('--') ? ownFailureBase : 0;
  const decided = Number(process.exitCode ?? 0);
  const exitCode = decided === 0 ? base + exitCodeOf('local') : decided;
  process.stderr.write(`✗ The output could not be written: ${error.message}   (exit ${exitCode})\n`);
  process.exit(exitCode);
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0 || stream.destroyed) resolve();
    else stream.write('', () => resolve());
  });
}
