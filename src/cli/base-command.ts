import { Command } from '@oclif/core/command';
import type { Input, ParserOutput } from '@oclif/core/interfaces';
import type { SluiceClient } from '../client/api.js';
import { isSluiceError, SluiceError } from '../lib/errors.js';
import { currentEnvironment, type Environment } from './environment.js';
import { exitCodeOf, interruptedExit, ownFailureBase } from './exit-codes.js';
import { asSluiceError } from './failure.js';
import { Flags } from './oclif.js';
import { Output } from './output.js';
import { reportFailure } from './report.js';

type Values = Record<string, unknown>;

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
export abstract class BaseCommand extends Command {
  static override baseFlags = {
    json: Flags.boolean({ summary: 'One JSON document on stdout, for success and failure.', helpGroup: 'GLOBAL' }),
    quiet: Flags.boolean({ char: 'q', summary: 'Nothing on stderr but errors.', helpGroup: 'GLOBAL' }),
    'no-input': Flags.boolean({ summary: 'Never ask; a missing value is an error.', helpGroup: 'GLOBAL' }),
    profile: Flags.string({ helpValue: 'NAME', summary: 'Which login to use.', helpGroup: 'GLOBAL' }),
    gateway: Flags.string({ helpValue: 'URL', summary: "The gateway's address.", helpGroup: 'GLOBAL' }),
    'no-daemon': Flags.boolean({ summary: 'Work without the local agent.', helpGroup: 'GLOBAL' }),
    color: Flags.option({ options: ['auto', 'always', 'never'] as const, summary: 'Colour.', helpGroup: 'GLOBAL' })(),
    debug: Flags.boolean({ summary: 'Stack traces on stderr.', helpGroup: 'GLOBAL' }),
  };
  /** The command sends operations to a target: a denial says that it was not contacted. */
  static readonly sendsOperations: boolean = false;
  /** Words behind `--` belong to a client program, not to this command. */
  static readonly passThrough: boolean = false;

  readonly environment = currentEnvironment();
  readonly out = outputOf(this.argv, this.environment);
  /** The words behind `--`, when the command passes them through. */
  protected rest: readonly string[] = [];
  #given: Readonly<Record<string, unknown>> = {};
  #abort: AbortController | null = null;
  #interruptedBy: 'SIGINT' | 'SIGTERM' | null = null;
  #exitCodesApart = false;

  protected override async parse<F extends Values, B extends Values, A extends Values>(
    options?: Input<F, B, A>,
    argv = this.argv,
  ): Promise<ParserOutput<F, B, A>> {
    const end = argv.indexOf('--');
    const passThrough = 'passThrough' in this.ctor && this.ctor.passThrough === true && end !== -1;
    if (passThrough) this.rest = argv.slice(end + 1);
    const parsed = await super.parse(options, passThrough ? argv.slice(0, end) : argv);
    this.#given = parsed.flags;
    return parsed;
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

  /** A client of the gateway that flags, environment and configuration name. */
  protected async connect(): Promise<SluiceClient> {
    const { openConnection } = await import('./connection.js');
    return (await openConnection(this.environment, { profile: this.profileFlag, gateway: this.gatewayFlag })).client;
  }

  /** From now on this process's exit code is a remote program's: 200 and more are failures of Sluice's own. */
  protected keepExitCodesApart(): void {
    this.#exitCodesApart = true;
  }

  override jsonEnabled(): boolean {
    return this.out.json;
  }

  /** oclif would end with 1 whatever was thrown under --json; here the code decides, and the document is ours. */
  protected override async catch(thrown: unknown): Promise<void> {
    const interrupted = this.#interruptedBy;
    const error =
      interrupted !== null && !isSluiceError(thrown)
        ? new SluiceError('interrupted', 'Interrupted.', { decider: 'local', cause: thrown })
        : thrown;
    process.exitCode = reportFailure(error, {
      out: this.out,
      debug: this.debugging,
      operation: 'sendsOperations' in this.ctor && this.ctor.sendsOperations === true,
      flags: [...Object.keys({ ...this.ctor.flags, ...this.ctor.baseFlags }), 'help'],
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
