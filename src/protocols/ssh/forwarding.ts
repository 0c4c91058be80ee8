import type { Duplex } from 'node:stream';
import type { Connection as SshConnection } from 'ssh2';
import type { Effect } from '../../analysis/effects.js';
import { PassingBytes } from '../../sessions/passing-bytes.js';
import type { Permit } from '../../sessions/permit.js';
import { isSluiceError, messageOf } from '../../lib/errors.js';
import type { Address } from './backend.js';
import { pump, writeTo } from './channel-io.js';
import type { Connection } from './connection.js';
import type { Conversation } from './conversation.js';
import { forwardOperation } from './effects.js';
import { errorText } from './errors.js';

/** What a forwarded connection was permitted as. */
interface Under {
  readonly permit: Permit;
  readonly effects: readonly Effect[];
}

/** Forwarding (RFC 4254, section 7): every destination and every listening port is an operation of its own. */
export class Forwarding {
  readonly #connection: Connection;
  readonly #client: SshConnection;
  readonly #listening = new Set<string>();

  constructor(client: SshConnection, connection: Connection) {
    this.#client = client;
    this.#connection = connection;
    client.on('tcpip', (accept, reject, info) => {
      const to = { host: info.destIP, port: info.destPort };
      if (!connection.hasRoom()) return reject();
      connection.track(
        this.#outward(accept, reject, `${to.host}:${to.port}`, (talk, permit) =>
          talk.backend.forward(permit, { host: info.srcIP, port: info.srcPort }, to),
        ),
      );
    });
    client.on('openssh.streamlocal', (accept, reject, { socketPath }) => {
      if (!connection.hasRoom()) return reject();
      connection.track(
        this.#outward(accept, reject, socketPath, (talk, permit) => talk.backend.forwardToSocket(permit, socketPath)),
      );
    });
    client.on('request', (accept, reject, name, info) => {
      if (name !== 'tcpip-forward' && name !== 'cancel-tcpip-forward') {
        reject?.();
        connection.refuseUnserved('forwardListen', 'forwarding of a listening socket');
        return;
      }
      const at: Address = { host: info.bindAddr, port: info.bindPort };
      connection.track(
        name === 'tcpip-forward' ? this.#listen(at, accept, reject) : this.#unlisten(at, accept, reject),
      );
    });
  }

  async #outward(
    accept: () => Duplex,
    reject: () => void,
    destination: string,
    dial: (talk: Conversation, permit: Permit) => Promise<Duplex>,
  ): Promise<void> {
    const { signal } = this.#connection;
    try {
      const talk = await this.#connection.ready;
      const subject = forwardOperation(talk.incoming.target.name, 'forward', destination);
      const permit = await talk.judging.ask(subject, (text) => this.#connection.tell(text), signal);
      const far = await dial(talk, permit);
      await this.#join(talk, { permit, effects: subject.effects }, accept(), far);
    } catch (error) {
      this.#refuse(error, reject);
    }
  }

  async #listen(at: Address, accept?: (port?: number) => void, reject?: () => void): Promise<void> {
    try {
      const talk = await this.#connection.ready;
      const subject = forwardOperation(talk.incoming.target.name, 'forwardListen', `${at.host}:${at.port}`);
      const { signal } = this.#connection;
      const permit = await talk.judging.ask(subject, (text) => this.#connection.tell(text), signal);
      const port = await talk.backend.listen(permit, at);
      if (this.#listening.size === 0) this.#acceptFromTarget(talk, { permit, effects: subject.effects });
      this.#listening.add(`${at.host}:${port}`);
      accept?.(port);
    } catch (error) {
      this.#refuse(error, reject);
    }
  }

  /** The failure of a channel has no words of its own that a person sees. */
  #refuse(error: unknown, reject?: () => void): void {
    this.#connection.tell(errorText(this.#connection.told(error)));
    reject?.();
    if (isSluiceError(error, 'recorder_failed')) this.#connection.recorderFailed(error);
  }

  async #unlisten(at: Address, accept?: () => void, reject?: () => void): Promise<void> {
    const talk = await this.#connection.ready;
    if (!this.#listening.delete(`${at.host}:${at.port}`)) {
      reject?.();
      return;
    }
    talk.backend.unlisten(at);
    accept?.();
  }

  /** Connections that come in at the target, to the person's machine. */
  #acceptFromTarget(talk: Conversation, under: Under): void {
    talk.backend.onIncoming((info, accept, reject) => {
      if (!this.#connection.hasRoom()) return reject();
      this.#client.forwardOut(info.destIP, info.destPort, info.srcIP, info.srcPort, (error, near) => {
        if (error !== undefined) return reject();
        this.#connection.track(this.#join(talk, under, near, accept()));
      });
    });
  }

  /** Bytes pass both ways until both ends have ended; how many is recorded. What is in them is not seen. */
  async #join(talk: Conversation, under: Under, near: Duplex, far: Duplex): Promise<void> {
    const { signal } = this.#connection;
    if (!this.#connection.isUsable(near)) {
      far.destroy();
      return;
    }
    const ended = new AbortController();
    const any = AbortSignal.any([signal, ended.signal]);
    near.on('error', () => undefined);
    far.on('error', () => undefined);
    near.once('close', () => ended.abort());
    far.once('close', () => ended.abort());
    const { recorder } = talk.session;
    const { op } = under.permit;
    const passing = new PassingBytes({ recorder, op, what: 'through this connection', now: talk.now });
    const pass = async (from: Duplex, to: Duplex): Promise<void> => {
      await pump(
        from,
        async (piece) => {
          talk.session.countRows(0, piece.length, under.permit, under.effects);
          passing.add(piece.length);
          await recorder.commit();
          await writeTo(to, piece, any);
        },
        any,
      );
      to.end();
    };
    let broken: unknown = null;
    // What stops one way stops the other: half a connection would hang.
    const oneWay = (from: Duplex, to: Duplex): Promise<void> =>
      pass(from, to).catch((error: unknown) => {
        if (!any.aborted) broken = error;
        ended.abort();
      });
    await Promise.all([oneWay(near, far), oneWay(far, near)]);
    near.destroy();
    far.destroy();
    const how = broken === null ? '' : `, broken: ${messageOf(broken)}`;
    recorder.append({ type: 'notice', at: talk.now(), op, code: 'forwarded', message: `${passing.total} bytes${how}` });
    try {
      await recorder.commit();
    } catch (error) {
      broken = error;
    }
    if (isSluiceError(broken, 'recorder_failed')) this.#connection.recorderFailed(broken);
  }
}
