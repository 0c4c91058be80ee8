import type { Duplex } from 'node:stream';
import type { Client, ClientChannel, PseudoTtyOptions } from 'ssh2';
import { SluiceError } from '../../lib/errors.js';
import type { Running } from '../../programs/running.js';
import type { DialledSsh } from './dial.js';
import type { Permit } from '../../sessions/permit.js';
import { withEnding } from './channel-io.js';
import { afterEachPiece, overrunsWindow, takesPackets } from './peer-bounds.js';

/** What a program gets beside its text. */
export interface ProgramSetup {
  readonly terminal: Terminal | null;
  readonly environment: Readonly<Record<string, string>>;
}
export type Terminal = Required<Omit<PseudoTtyOptions, 'modes'>> & Pick<PseudoTtyOptions, 'modes'>;

/** A connection that came in at the target's end. */
export type Incoming = (
  info: { readonly srcIP: string; readonly srcPort: number; readonly destIP: string; readonly destPort: number },
  accept: () => Duplex,
  reject: () => void,
) => void;

/** What operations are forwarded to. Everything that starts something demands a Permit. */
export interface TargetEnd {
  exec(permit: Permit, setup: ProgramSetup): Promise<Running>;
  shell(permit: Permit, setup: ProgramSetup): Promise<Running>;
  subsystem(permit: Permit): Promise<Running>;
  forward(permit: Permit, from: Address, to: Address): Promise<Duplex>;
  forwardToSocket(permit: Permit, path: string): Promise<Duplex>;
  /** Makes the target listen; gives the port. */
  listen(permit: Permit, at: Address): Promise<number>;
  unlisten(at: Address): void;
  onIncoming(heard: Incoming): void;
  /** It is gone; with an error that says why, where that is not the target's doing. */
  onClosed(heard: (lost: SluiceError | null) => void): void;
  end(): void;
}

/** The SSH target's end. Whatever starts something demands a Permit and takes its text from it: judged is forwarded. */
export class Backend implements TargetEnd {
  readonly #client: Client;
  readonly #lost: () => SluiceError | null;
  readonly #channels = new Set<ClientChannel>();
  #overrun: SluiceError | null = null;

  constructor({ client, lost }: DialledSsh) {
    this.#client = client;
    this.#lost = lost;
    client.on('error', () => undefined);
    afterEachPiece(client, () => this.#watchWindows());
  }

  exec(permit: Permit, setup: ProgramSetup): Promise<Running> {
    const { text } = genuine(permit);
    const pty = setup.terminal === null ? {} : { pty: setup.terminal };
    return this.#open((done) => this.#client.exec(text, { env: { ...setup.environment }, ...pty }, done));
  }

  shell(permit: Permit, setup: ProgramSetup): Promise<Running> {
    genuine(permit);
    return this.#open((done) => this.#client.shell(setup.terminal ?? false, { env: { ...setup.environment } }, done));
  }

  subsystem(permit: Permit): Promise<Running> {
    const { text } = genuine(permit);
    return this.#open((done) => this.#client.subsys(text, done));
  }

  forward(permit: Permit, from: Address, to: Address): Promise<ClientChannel> {
    genuine(permit);
    return this.#open((done) => this.#client.forwardOut(from.host, from.port, to.host, to.port, done));
  }

  forwardToSocket(permit: Permit, path: string): Promise<ClientChannel> {
    genuine(permit);
    return this.#open((done) => this.#client.openssh_forwardOutStreamLocal(path, done));
  }

  listen(permit: Permit, at: Address): Promise<number> {
    genuine(permit);
    return new Promise((resolve, reject) => {
      this.#client.forwardIn(at.host, at.port, (error, port) => {
        if (error === undefined) resolve(at.port === 0 ? port : at.port);
        else reject(refused(error));
      });
    });
  }

  unlisten(at: Address): void {
    this.#client.unforwardIn(at.host, at.port);
  }

  onIncoming(heard: Incoming): void {
    this.#client.on('tcp connection', (info, accept, reject) => {
      const open = (): Duplex => {
        const channel = accept();
        if (!takesPackets(channel)) this.end();
        return this.#watched(channel);
      };
      heard(info, open, reject);
    });
  }

  onClosed(heard: (lost: SluiceError | null) => void): void {
    this.#client.on('close', () => heard(this.#overrun ?? this.#lost()));
  }

  end(): void {
    this.#client.end();
    this.#client.destroy();
  }

  #watched(channel: ClientChannel): ClientChannel {
    this.#channels.add(channel);
    channel.once('close', () => this.#channels.delete(channel));
    return channel;
  }

  /** Who reads slowly at the other end must not have a target fill the gateway's memory. */
  #watchWindows(): void {
    for (const channel of this.#channels) {
      if (!overrunsWindow(channel)) continue;
      this.#overrun = new SluiceError('target_rejected', 'the target sent more than it may, and was let go', {
        decider: 'gateway',
      });
      return this.end();
    }
  }

  #open(
    start: (done: (error: Error | undefined, channel: ClientChannel) => void) => unknown,
  ): Promise<ClientChannel & Running> {
    return new Promise((resolve, reject) => {
      try {
        start((error, channel) => {
          if (error !== undefined) reject(refused(error));
          else if (takesPackets(channel)) resolve(withEnding(this.#watched(channel)));
          else {
            channel.close();
            reject(refused(new Error('it takes no packets of a usual size')));
          }
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

export function genuine(permit: Permit): Permit {
  if (!permit.genuine) throw new TypeError('not a permit');
  return permit;
}
