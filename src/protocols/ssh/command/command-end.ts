import type { Duplex } from 'node:stream';
import { SluiceError } from '../../../lib/errors.js';
import type { CommandSettings } from '../../../policy/command-target.js';
import type { Permit } from '../../../sessions/gate.js';
import type { TargetConfig } from '../../../sessions/types.js';
import { genuine, type ProgramSetup, type Running, type TargetEnd } from '../backend.js';
import { argumentsIn } from './arguments.js';
import { startOnPipes } from './on-pipes.js';
import { startOnTerminal } from './on-terminal.js';
import { wrapped, type Start } from './start.js';

/** A target that is a program: each channel is one process of it, run by the gateway as an account without rights. */
export class CommandEnd implements TargetEnd {
  readonly #target: Pick<TargetConfig, 'name' | 'readSecret'>;
  readonly #command: CommandSettings;
  readonly #running = new Set<Running>();

  constructor(target: Pick<TargetConfig, 'name' | 'readSecret'>, command: CommandSettings) {
    this.#target = target;
    this.#command = command;
  }

  /** The arguments are those of the permit's text: what was judged is what runs. */
  async exec(permit: Permit, { terminal }: ProgramSetup): Promise<Running> {
    const words = argumentsIn(genuine(permit).text);
    const { argv, directory, variables, secretIn, runAs } = this.#command;
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
      argv: wrapped([...argv, ...words], runAs),
      directory,
      environment: {
        ...{ PATH: '/usr/local/bin:/usr/bin:/bin', HOME: directory, LANG: 'C.UTF-8' },
        ...variables,
        ...(terminal === null ? {} : { TERM: terminal.term }),
        ...(secret !== null && secretIn !== null && secretIn !== 'descriptor' ? { [secretIn.variable]: secret } : {}),
      },
      descriptor: secretIn === 'descriptor' ? secret : null,
    };
    const running = terminal === null ? startOnPipes(start) : await startOnTerminal(start, terminal);
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
    for (const running of this.#running) running.close();
  }
}

function nothingElse(): SluiceError {
  return new SluiceError('denied', 'this target is a program: it can be run, and nothing else', { decider: 'gateway' });
}
