import type { SluiceClient } from '../client/api.js';
import { isSluiceError, SluiceError } from '../lib/errors.js';
import { currentEnvironment, type Environment } from './environment.js';
import { exitCodeOf, interruptedExit, ownFailureBase } from './exit-codes.js';
import { asSluiceError } from './failure.js';
import type { StdinWait } from './input.js';
import { Flags, type ArgSet, type FlagSet } from './flags.js';
import { Output } from './output.js';
import { parseWords, type Grammar, type Parsed } from './parse-words.js';
import { reportFailure } from './report.js';

/** The program that the command is a part of. */
export interface Program {
  readonly version: string;
  /** The folder that it is installed in. */
  readonly root: string;
  /** The command that runs, as it is typed: "requests approve". */
  readonly command: string;
}

/** What `--json`, `--quiet`, `--color` ask for before, or in spite of, a failing parse. Nothing behind `--` counts. */
export function outputOf(argv: readonly string[], environment: Environment): Output {
  const end = argv.indexOf('--');
  const own = end === -1 ? argv : argv.slice(0, end);
  const color =
    own.findLast((_, index) => own[index - 1] === '--color') ?? own.findLast((word) => word.startsWith('--color='));
  const choice = color?.replace('--color=', '');
  return new Output({
    stdout: process.stdout,
    stderr: process.stderr,
    json: own.includes('--json'),
    quiet: own.includes('--quiet') || own.includes('-q'),
    color: choice === 'always' || choice === 'never' ? choice : 'auto',
    noColor: environment.noColor,
    forceColor: environment.forceColor,
  });
}

/** What every command shares: global flags, one environment, one output, one way to fail. */
export abstract class BaseCommand {
  static readonly summary: string = '';
  static readonly description: string | undefined = undefined;
  static readonly examples: readonly string[] = [];
  static readonly aliases: readonly string[] = [];
  static readonly hidden: boolean = false;
  static readonly args: ArgSet = {};
  static readonly flags: FlagSet = {};
  /** False: more arguments than the named ones may come. */
  static readonly strict: boolean = true;
  static readonly baseFlags = {
    json: Flags.boolean({ summary: 'One JSON document on stdout, for success and failure.', helpGroup: 'GLOBAL' }),
    quiet: Flags.boolean({ char: 'q', summary: 'Nothing on stderr but errors.', helpGroup: 'GLOBAL' }),
    'no-input': Flags.boolean({ summary: 'Never ask; a missing value is an error.', helpGroup: 'GLOBAL' }),
    profile: Flags.string({ helpValue: 'NAME', summary: 'Which login to use.', helpGroup: 'GLOBAL' }),
    gateway: Flags.string({ helpValue: 'URL', summary: "The gateway's address.", helpGroup: 'GLOBAL' }),
    'no-daemon': Flags.boolean({ summary: 'Work without the local agent.', helpGroup: 'GLOBAL' }),
    color: Flags.option({ options: ['auto', 'always', 'never'], summary: 'Colour.', helpGroup: 'GLOBAL' }),
    debug: Flags.boolean({ summary: 'Stack traces on stderr.', helpGroup: 'GLOBAL' }),
  };
  /** Words behind `--` belong to a client program, not to this command. */
  static readonly passThrough: boolean = false;

  readonly argv: readonly string[];
  readonly program: Program;
  readonly environment = currentEnvironment();
  readonly out: Output;
  /** The words behind `--`, when the command passes them through. */
  protected rest: readonly string[] = [];
  #given: Readonly<Record<string, unknown>> = {};
  #abort: AbortController | null = null;
  #interruptedBy: 'SIGINT' | 'SIGTERM' | null = null;
  #exitCodesApart = false;
  #addressee: 'database' | 'target' = 'target';

  constructor(argv: readonly string[], program: Program) {
    this.argv = argv;
    this.program = program;
    this.out = outputOf(argv, this.environment);
  }

  abstract run(): Promise<void>;

  /** Runs the command with these words; what fails is told, and becomes the process's exit code. */
  static async run(this: CommandClass, argv: readonly string[], program: Program): Promise<void> {
    const command = new this(argv, program);
    try {
      await command.run();
    } catch (error) {
      process.exitCode = command.fail(error);
    }
  }

  protected async parse<Flags extends FlagSet, Args extends ArgSet>(
    grammar: Grammar<Flags, Args>,
  ): Promise<Parsed<Flags & typeof BaseCommand.baseFlags, Args>> {
    const end = this.argv.indexOf('--');
    const passThrough = this.#class.passThrough && end !== -1;
    if (passThrough) this.rest = this.argv.slice(end + 1);
    const { flags = {} as Flags } = grammar;
    const parsed = parseWords(passThrough ? this.argv.slice(0, end) : this.argv, {
      ...grammar,
      flags: { ...flags, ...BaseCommand.baseFlags },
    });
    this.#given = parsed.flags;
    return parsed;
  }

  get #class(): typeof BaseCommand {
    return this.constructor as typeof BaseCommand;
  }

  /** A global flag's text, or what the environment says. */
  protected get profileFlag(): string | null {
    return this.#text('profile') ?? this.environment.profile;
  }
  protected get gatewayFlag(): string | null {
    return this.#text('gateway') ?? this.environment.gateway;
  }
  protected get noDaemon(): boolean {
    return this.#given['no-daemon'] === true || this.environment.noDaemon;
  }
  protected get debugging(): boolean {
    return this.#given['debug'] === true || this.argv.includes('--debug') || this.environment.debug;
  }
  /** Someone is there to answer: stdin and stderr are terminals, and nothing says otherwise. */
  protected get canPrompt(): boolean {
    return (
      process.stdin.isTTY === true &&
      process.stderr.isTTY === true &&
      !this.environment.unattended &&
      !this.out.json &&
      this.#given['no-input'] !== true
    );
  }

  /** Aborts on Ctrl-C or SIGTERM; asking for it takes over from the default, which ends the process at once. */
  protected get signal(): AbortSignal {
    if (this.#abort !== null) return this.#abort.signal;
    const abort = new AbortController();
    this.#abort = abort;
    for (const name of ['SIGINT', 'SIGTERM'] as const)
      process.on(name, () => {
        if (this.#interruptedBy !== null) process.exit(interruptedExit[name]);
        this.#interruptedBy = name;
        abort.abort(new SluiceError('interrupted', 'Interrupted.', { decider: 'local' }));
      });
    return abort.signal;
  }

  /** How standard input is waited for, where it is read. */
  protected get stdinWait(): StdinWait {
    return { note: (text) => this.out.note(text), silence: this.environment.stdinTimeout, signal: this.signal };
  }

  /** A client of the gateway that flags, environment and configuration name. */
  protected async connect(): Promise<SluiceClient> {
    const { openConnection } = await import('./connection.js');
    return (await openConnection(this.environment, { profile: this.profileFlag, gateway: this.gatewayFlag })).client;
  }

  /** Whether from now on this process's exit code is a remote program's: 200 and more are failures of Sluice's own. */
  protected keepExitCodesApart(apart: boolean): void {
    this.#exitCodesApart = apart;
  }

  /** Whether what this command is for is known to be a database: a refusal says so. */
  protected addressDatabase(isDatabase: boolean): void {
    this.#addressee = isDatabase ? 'database' : 'target';
  }

  /** Tells what was thrown, and returns the exit code for it. */
  protected fail(thrown: unknown): number {
    const interrupted = this.#interruptedBy;
    const error =
      interrupted !== null && !isSluiceError(thrown)
        ? new SluiceError('interrupted', 'Interrupted.', { decider: 'local', cause: thrown })
        : thrown;
    const flags = Object.keys({ ...this.#class.flags, ...BaseCommand.baseFlags });
    return reportFailure(withUsage(error, this.program.command, flags), {
      out: this.out,
      debug: this.debugging,
      addressee: this.#addressee,
      ...(interrupted !== null && isSluiceError(error, 'interrupted')
        ? { exitCode: interruptedExit[interrupted] }
        : this.#exitCodesApart
          ? { exitCode: ownFailureBase + exitCodeOf(asSluiceError(error).code) }
          : {}),
    });
  }

  #text(name: string): string | null {
    const value = this.#given[name];
    return typeof value === 'string' && value !== '' ? value : null;
  }
}

/** What the person typed does not do: where nothing better is said, how the command is used comes next. */
function withUsage(error: unknown, command: string, flags: readonly string[]): unknown {
  if (!isSluiceError(error, 'usage')) return error;
  const { next = [] } = error.details;
  const help = { command: `sluice ${command} --help`, when: 'to see how it is used' };
  const details = { ...error.details, next: next.length > 0 ? next : [help], cause: error };
  return new SluiceError('usage', byFlag(error.message, flags), details);
}

/** The gateway speaks of its API's fields (`timeout_ms: …`); the person typed a flag. */
function byFlag(message: string, flags: readonly string[]): string {
  const field = /^([a-z]+(?:_[a-z]+)*): /.exec(message)?.[1];
  const flag = field?.replace(/_ms$/, '').replaceAll('_', '-');
  return flag === undefined || !flags.includes(flag) ? message : message.replace(`${field}: `, `--${flag}: `);
}

export interface CommandClass {
  new (argv: readonly string[], program: Program): BaseCommand;
  run(argv: readonly string[], program: Program): Promise<void>;
}
