import { spawn } from 'node:child_process';
import { SluiceError } from '../lib/errors.js';

/** How to start the command line that is running now: from the build, from source, or installed. */
export interface CommandLine {
  readonly file: string;
  readonly args: readonly string[];
}

export interface ShellOptions {
  readonly cli: CommandLine;
  /** Folder for `node` and its packages; nothing is written there. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly print: (text: string) => void;
  readonly signal: AbortSignal;
}

/** What a program said and how it ended. */
export interface Outcome {
  readonly command: string;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs programs as a person would: each command is printed, then what it really said. */
export class TourShell {
  readonly #options: ShellOptions;

  constructor(options: ShellOptions) {
    this.#options = options;
  }

  /** Runs `sluice …`; `shown` stands for the arguments where they would be unreadable. */
  sluice(args: readonly string[], shown = args.map(quote).join(' ')): Promise<Outcome> {
    const { file, args: first } = this.#options.cli;
    return this.run(file, [...first, ...args], `sluice ${shown}`);
  }

  /** Runs a program to its end and prints the command and its output together, so that parallel ones do not mix. */
  async run(file: string, args: readonly string[], shown: string): Promise<Outcome> {
    const outcome = await this.#collect(file, args, shown);
    const output = [outcome.stdout, outcome.stderr].filter((text) => text !== '').map(ensureNewline);
    this.#options.print(`\n$ ${shown}\n${output.join('')}${outcome.code === 0 ? '' : `(exit ${outcome.code})\n`}`);
    return outcome;
  }

  /** Runs `sluice …` and says nothing of it. */
  sluiceQuietly(args: readonly string[]): Promise<Outcome> {
    const { file, args: first } = this.#options.cli;
    return this.quietly(file, [...first, ...args]);
  }

  /** Runs a program and says nothing of it. */
  quietly(file: string, args: readonly string[]): Promise<Outcome> {
    return this.#collect(file, args, [file, ...args].join(' '));
  }

  say(text: string): void {
    this.#options.print(`\n# ${text}\n`);
  }

  #collect(file: string, args: readonly string[], command: string): Promise<Outcome> {
    const { cwd, env, signal } = this.#options;
    return new Promise((resolve, reject) => {
      const child = spawn(file, args, { cwd, env, signal, timeout: 120_000, stdio: ['ignore', 'pipe', 'pipe'] });
      const output = { stdout: '', stderr: '' };
      child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
      child.once('error', reject);
      child.once('close', (code, killedBy) => {
        if (code !== null) return resolve({ command, code, ...output });
        reject(new SluiceError('unexpected', `${command} was ended by ${String(killedBy)}\n${output.stderr}`));
      });
    });
  }
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `"${word.replace(/["\\$`]/g, '\\$&')}"`;
}

function ensureNewline(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
