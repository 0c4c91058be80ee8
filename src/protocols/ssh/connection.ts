import type { Connection as SshConnection } from 'ssh2';
import { isSluiceError, messageOf, SluiceError } from '../../lib/errors.js';
import type { EndEvent } from '../../recording/events.js';
import { recordingBanner } from '../../sessions/recording-mode.js';
import { Session } from '../../sessions/session.js';
import type { IncomingConnection } from '../../sessions/types.js';
import { abortWords } from '../../sessions/words.js';
import { Backend, type TargetEnd } from './backend.js';
import { CommandEnd } from './command/command-end.js';
import type { Conversation } from './conversation.js';
import { closeUnstarted, isOversize, oversizeWords, sayGoodbye, takesPackets } from './peer-bounds.js';
import { dialSsh } from './dial.js';
import { unservedOperation } from './effects.js';
import { errorText } from './errors.js';
import { Forwarding } from './forwarding.js';
import { Judging } from './judging.js';
import type { SshServiceParts } from './service.js';
import { SessionChannel } from './session-channel.js';

/** Channels of one connection, of every kind: far above what clients open, far below what would hurt. */
const maxChannels = 64;
/** A client may not let more than this pile up here: a channel's window is 2 MiB, and ssh2 does not hold it to that. */
const maxUnreadBytes = 8 * 1024 * 1024;
const maxUnsentBytes = 32 * 1024 * 1024;
const lingerMs = 2_000;
/** How long a client whose session could not start may stay to hear why. */
const failedLingerMs = 10_000;

/** One authenticated SSH connection: its journal, its target, its channels, and how all of them end together. */
export class Connection {
  readonly incoming: IncomingConnection;
  readonly #client: SshConnection;
  readonly #parts: SshServiceParts;
  readonly #application: string;
  readonly #ended = new AbortController();
  readonly #channels = new Set<SessionChannel>();
  readonly #running = new Set<Promise<void>>();
  /** Journal open and target logged in; rejects with what the person is told. */
  readonly ready: Promise<Conversation>;
  #session: Session | null = null;
  #backend: TargetEnd | null = null;
  #finish: () => void = () => undefined;
  readonly #finished: Promise<void>;

  constructor(client: SshConnection, incoming: IncomingConnection, parts: SshServiceParts, application: string) {
    this.#client = client;
    this.incoming = incoming;
    this.#parts = parts;
    this.#application = application;
    this.#finished = new Promise((resolve) => (this.#finish = resolve));
    client.on('session', (accept, reject) => {
      if (!this.hasRoom() || this.#ended.signal.aborted) return reject();
      const session = accept();
      const channel = new SessionChannel(session, this);
      this.#channels.add(channel);
      session.once('close', () => {
        this.#channels.delete(channel);
        if (channel.channel === null && !this.#ended.signal.aborted) closeUnstarted(client, session);
      });
    });
    new Forwarding(client, this);
    // A stream in memory that ends does not close by itself.
    client.on('end', () => this.end('client closed', ''));
    client.on('close', () => this.end('client closed', ''));
    client.on('error', (error) => {
      if (isOversize(error)) sayGoodbye(client, oversizeWords);
      this.end('client closed', isOversize(error) ? 'a packet was too long' : 'connection lost');
    });
    incoming.stream.on('data', () => this.#watchUnread());
    this.ready = this.#open();
    this.ready.catch((error: unknown) => this.#failed(error));
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  get banner(): string {
    const session = this.#session;
    if (session === null) return '';
    const { message, hint } = recordingBanner(session.recorder.mode, session.id);
    return `${message}. ${hint}\n`;
  }

  /** Resolves when the journal is closed and both connections are. */
  async run(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => {
      const { reason, detail, message } = abortWords(signal.reason);
      this.end(reason, detail, new SluiceError('interrupted', message, { decider: 'gateway' }));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    await this.#finished;
    signal.removeEventListener('abort', onAbort);
  }

  hasRoom(): boolean {
    return this.#channels.size < maxChannels && this.#running.size < maxChannels;
  }

  /** Work of a channel: the journal is closed after it. */
  track(work: Promise<void>): void {
    const settled = work.catch((error: unknown) => {
      if (!this.#ended.signal.aborted) this.#parts.log('an SSH channel failed', error);
    });
    this.#running.add(settled);
    void settled.finally(() => this.#running.delete(settled));
  }

  /** What a person may be told of a failure. */
  told(error: unknown): SluiceError {
    if (isSluiceError(error)) return error;
    this.#parts.log('an SSH operation failed', error);
    return new SluiceError('unexpected', 'the gateway failed; the operation was stopped to be safe');
  }

  /** Records what went wrong with an operation, or with the connection. */
  record(error: SluiceError, op: number | null): void {
    const { code, message, details } = error;
    const decider = details.decider === 'gateway' || details.decider === 'target' ? details.decider : 'network';
    this.#session?.recorder.append({ type: 'error', at: this.#parts.now(), op, decider, code, message });
  }

  /** Tells something on stderr of every channel whose program has not begun. */
  tell(text: string): void {
    for (const channel of this.#channels) channel.tell(text);
  }

  /** Records a request that is never served. */
  refuseUnserved(action: 'forwardAgent' | 'forwardX11' | 'forwardListen', what: string): void {
    this.track(
      this.ready.then(async (talk) => {
        const subject = unservedOperation(talk.incoming.target.name, action, what);
        await talk.judging
          .ask(subject, () => undefined, this.signal)
          .catch((error: unknown) => {
            if (isSluiceError(error, 'recorder_failed')) this.recorderFailed(error);
            else if (!isSluiceError(error, 'denied')) throw error;
          });
      }),
    );
  }

  /** Whether a channel that was opened can be written to; a client that makes that impossible is let go. */
  isUsable(channel: object): boolean {
    if (takesPackets(channel)) return true;
    this.end('ended by gateway', 'the client takes no packets of a usual size');
    this.incoming.stream.destroy();
    return false;
  }

  recorderFailed(error: SluiceError): void {
    this.end('recorder failed', error.message, error);
  }

  /** Ends the session; an `error` is told on every channel. Idempotent. */
  end(reason: EndEvent['reason'], detail: string, error: SluiceError | null = null): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort(error ?? new SluiceError('interrupted', reason));
    void this.#shutDown(reason, detail, error);
  }

  async #open(): Promise<Conversation> {
    const { incoming } = this;
    const { target } = incoming;
    const session = await Session.open(incoming, this.#application, this.#parts);
    this.#session = session;
    session.announce(target, incoming.principal, (reason, detail) =>
      this.end(reason, detail, new SluiceError('interrupted', detail, { decider: 'gateway' })),
    );
    const backend =
      target.command === undefined ? new Backend(await this.#dial(session)) : new CommandEnd(target, target.command);
    this.#backend = backend;
    backend.onClosed((lost) => {
      const error =
        lost ??
        new SluiceError('target_unreachable', `target ${target.name} closed the connection`, {
          decider: 'target',
          retryable: true,
        });
      this.end('target closed', lost?.message ?? '', error);
    });
    if (this.signal.aborted) {
      backend.end();
      throw this.signal.reason;
    }
    const { now } = this.#parts;
    return { incoming, session, backend, judging: new Judging(session, now), now };
  }

  #dial(session: Session): ReturnType<typeof dialSsh> {
    const { now } = this.#parts;
    const { principal, target } = this.incoming;
    return dialSsh(target, {
      ...{ signal: this.signal, now, as: `${session.id} ${principal.name.replaceAll(/[\s\p{Cc}]/gu, '_')}` },
      certified: ({ serial, keyId, principals, authority, validBefore }) => {
        session.recorder.append({
          ...{ type: 'notice', at: now(), op: null, code: 'certificate' },
          message: `Logging in with certificate ${serial} (key id "${keyId}") of ${authority} for ${principals.join(', ')}, valid until ${new Date(validBefore * 1000).toISOString()}.`,
        });
        return session.recorder.commit();
      },
    });
  }

  #failed(thrown: unknown): void {
    if (this.#ended.signal.aborted) return;
    const error = this.told(thrown);
    this.incoming.observer?.refused?.(error);
    this.record(error, null);
    // The channels that wait for `ready` tell the person; then there is nothing to stay for.
    const leave = (): void => this.end('target closed', messageOf(error));
    const timer = setTimeout(leave, failedLingerMs);
    timer.unref();
    void Promise.allSettled([...this.#running]).then(() => {
      if (this.#channels.size > 0) setTimeout(leave, lingerMs).unref();
    });
  }

  async #shutDown(reason: EndEvent['reason'], detail: string, error: SluiceError | null): Promise<void> {
    if (error !== null) {
      // A disconnection right behind would overtake what a client makes of its channels' ends.
      const told = [...this.#channels].map((channel) => channel.fail(error).then(() => channel.closed));
      await Promise.race([Promise.allSettled(told), after(lingerMs)]);
      // With forwarded connections alone there is nothing else that words could be written to.
      if (told.length === 0) sayGoodbye(this.#client, errorText(error).trimEnd());
      this.#session?.recorder.append({
        type: 'error',
        at: this.#parts.now(),
        op: null,
        decider: 'gateway',
        code: error.code,
        message: error.message,
      });
    }
    this.#backend?.end();
    this.#client.end();
    const { stream } = this.incoming;
    const timer = setTimeout(() => stream.destroy(), lingerMs);
    if (stream.destroyed) clearTimeout(timer);
    else stream.once('close', () => clearTimeout(timer));
    // A client may be gone before its journal is open: that is closed too.
    await Promise.allSettled([this.ready, ...this.#running]);
    await this.#session?.close(reason, detail);
    if (!stream.destroyed) await new Promise<void>((resolve) => stream.once('close', () => resolve()));
    this.#finish();
  }

  #watchUnread(): void {
    const { stream } = this.incoming;
    let unread = 0;
    for (const { channel } of this.#channels) unread += channel?.readableLength ?? 0;
    if (unread <= maxUnreadBytes * Math.max(1, this.#channels.size) && stream.writableLength <= maxUnsentBytes) return;
    this.end('ended by gateway', 'the client does not keep to its window');
    stream.destroy();
  }
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
