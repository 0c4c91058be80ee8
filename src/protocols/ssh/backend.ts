import type { Client, ClientChannel, PseudoTtyOptions } from 'ssh2';
import { SluiceError } from '../../lib/errors.js';
import type { Permit } from '../../sessions/gate.js';

/** What a program gets beside its text. */
export interface ProgramSetup {
  readonly terminal: Terminal | null;
  readonly environment: Readonly<Record<string, string>>;
}
export type Terminal = Required<Omit<PseudoTtyOptions, 'modes'>> & Pick<PseudoTtyOptions, 'modes'>;

/** The target's end. Whatever starts something demands a Permit and takes its text from it: judged is forwarded. */
export class Backend {
  readonly client: Client;

  constructor(client: Client) {
    this.client = client;
  }

  exec(permit: Permit, setup: ProgramSetup): Promise<ClientChannel> {
    const { text } = genuine(permit);
    const pty = setup.terminal === null ? {} : { pty: setup.terminal };
    return this.#open((done) => this.client.exec(text, { env: { ...setup.environment }, ...pty }, done));
  }

  shell(permit: Permit, setup: ProgramSetup): Promise<ClientChannel> {
    genuine(permit);
    return this.#open((done) => this.client.shell(setup.terminal ?? false, { env: { ...setup.environment } }, done));
  }

  subsystem(permit: Permit): Promise<ClientChannel> {
    const { text } = genuine(permit);
    return this.#open((done) => this.client.subsys(text, done));
  }

  forward(permit: Permit, from: Address, to: Address): Promise<ClientChannel> {
    genuine(permit);
    return this.#open((done) => this.client.forwardOut(from.host, from.port, to.host, to.port, done));
  }

  forwardToSocket(permit: Permit, path: string): Promise<ClientChannel> {
    genuine(permit);
    return this.#open((done) => this.client.openssh_forwardOutStreamLocal(path, done));
  }

  /** Makes the target listen; gives the port. */
  listen(permit: Permit, at: Address): Promise<number> {
    genuine(permit);
    return new Promise((resolve, reject) => {
      this.client.forwardIn(at.host, at.port, (error, port) => {
        if (error === undefined) resolve(at.port === 0 ? port : at.port);
        else reject(refused(error));
      });
    });
  }

  unlisten(at: Address): void {
    this.client.unforwardIn(at.host, at.port);
  }

  end(): void {
    this.client.end();
    this.client.destroy();
  }

  #open(start: (done: (error: Error | undefined, channel: ClientChannel) => void) => unknown): Promise<ClientChannel> {
    return new Promise((resolve, reject) => {
      try {
        start((error, channel) => {
          if (error === undefined) resolve(channel);
          else reject(refused(error));
        });
      } catch (error) {
        reject(refused(error));
      }
    });
  }
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

function refused(cause: unknown): SluiceError {
  return new SluiceError('target_rejected', 'the target refused to open this', { decider: 'target', cause });
}

function genuine(permit: Permit): Permit {
  if (!permit.genuine) throw new TypeError('not a permit');
  return permit;
}
