import type { Duplex } from 'node:stream';
import { SluiceError } from '../../../lib/errors.js';
import type { CommandSettings } from '../../../policy/command-target.js';
import type { Permit } from '../../../sessions/permit.js';
import type { TargetConfig } from '../../../sessions/types.js';
import { startProgram } from '../../../programs/here.js';
import { startAtRelay } from '../../../programs/at-relay.js';
import type { Running } from '../../../programs/running.js';
import type { Start } from '../../../programs/start.js';
import { genuine, type ProgramSetup, type TargetEnd } from '../backend.js';
import { argumentsIn } from './arguments.js';

/** A target that is a program: each channel is one process of it, run here or by its relay as an account without rights. */
export class CommandEnd implements TargetEnd {
  readonly #target: Pick<TargetConfig, 'name' | 'readSecret' | 'relay'>;
  readonly #command: CommandSettings;
  readonly #running = new Set<Running>();
  readonly #ended = new AbortController();

  constructor(target: Pick<TargetConfig, 'name' | 'readSecret' | 'relay'>, command: CommandSettings) {
    this.#target = target;
    this.#command = command;
  }

  /** The arguments are those of the permit's text: what was judged is what runs. */
  async exec(permit: Permit, { terminal }: ProgramSetup): Promise<Running> {
    const words = argumentsIn(genuine(permit).text);
    const { directory, variables, secretIn, runAs } = this.#command;
    const [program = '', ...first] = this.#command.argv;
    if (terminal !== null && secretIn === 'descriptor') {
      throw new SluiceError(
        'usage',
        'this program gets its secret by a descriptor, which a terminal has no place for',
        {
          decider: 'gateway',
          next: [{ command: `ssh -T ${this.#target.name} …`, when: 'to run it without a terminal' }],
        },
      );
    }
    const secret = secretIn === null ? null : await this.#target.readSecret();
    const start: Start = {
      argv: [program, ...first, ...words],
      ...{ runAs, directory },
      environment: {
        ...{ PATH: '/usr/local/bin:/usr/bin:/bin', HOME: directory, LANG: 'C.UTF-8' },
        ...variables,
        ...(terminal === null ? {} : { TERM: terminal.term }),
        ...(secret !== null && secretIn !== null && secretIn !== 'descriptor' ? { [secretIn.variable]: secret } : {}),
      },
      descriptor: secretIn === 'descriptor' ? secret : null,
    };
    const { relay } = this.#target;
    const running =
      relay === undefined
        ? await startProgram(start, terminal)
        : await startAtRelay(await relay.connect(this.#ended.signal), start, terminal, relay.name);
    this.#running.add(running);
    running.once('close', () => this.#running.delete(running));
    return running;
  }

  shell(permit: Permit, setup: ProgramSetup): Promise<Running> {
    return this.exec(permit, setup);
  }

  subsystem(): Promise<Running> {
    return Promise.reject(nothingElse());
  }
  forward(): Promise<Duplex> {
    return Promise.reject(nothingElse());
  }
  forwardToSocket(): Promise<Duplex> {
    return Promise.reject(nothingElse());
  }
  listen(): Promise<number> {
    return Promise.reject(nothingElse());
  }
  unlisten(): void {}
  onIncoming(): void {}
  /** There is no connection that could go. */
  onClosed(): void {}

  end(): void {
    this.#ended.abort(new SluiceError('interrupted', 'the session ended'));
    for (const running of this.#running) running.close();
  }
}

function nothingElse(): SluiceError {
  return new SluiceError('denied', 'this target is a program: it can be run, and nothing else', { decider: 'gateway' });
}
