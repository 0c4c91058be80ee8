import type { ServerChannel, Session as SshSession } from 'ssh2';
import { isSluiceError, SluiceError } from '../../lib/errors.js';
import type { Terminal } from './backend.js';
import { writeTo } from './channel-io.js';
import type { Connection } from './connection.js';
import { movesFiles, programOperation } from './effects.js';
import { errorText, exitStatusOf } from './errors.js';
import { Program } from './program.js';
import { SftpProxy } from './sftp/proxy.js';

const maxVariables = 64;
const maxVariableChars = 4096;

/** One session channel (RFC 4254, section 6): its preparations, then the one program that it runs. */
export class SessionChannel {
  readonly #connection: Connection;
  readonly #ended = new AbortController();
  /** Ends with the channel, and with the whole session: then the person can still be told. */
  readonly #signal: AbortSignal;
  readonly #environment = new Map<string, string>();
  #terminal: Terminal | null = null;
  #channel: ServerChannel | null = null;
  #program: Program | null = null;
  #told: Promise<void> = Promise.resolve();

  constructor(session: SshSession, connection: Connection) {
    this.#connection = connection;
    this.#signal = AbortSignal.any([this.#ended.signal, connection.signal]);
    this.closed = new Promise((resolve) => session.once('close', () => resolve()));
    session.on('pty', (accept, reject, info) => {
      if (this.#channel !== null || !isSize(info)) {
        reject?.();
        return;
      }
      this.#terminal = { ...info, term: termOf(info) };
      accept?.();
    });
    session.on('env', (accept, reject, { key, val }) => {
      if (this.#accepts(key, val)) {
        this.#environment.set(key, val);
        accept?.();
      } else reject?.();
    });
    session.on('window-change', (accept, _reject, info) => {
      if (!isSize(info)) return;
      if (this.#terminal !== null) this.#terminal = { ...this.#terminal, ...info };
      this.#program?.resize(info.cols, info.rows, info.height, info.width);
      accept?.();
    });
    session.on('signal', (accept, _reject, { name }) => {
      if (/^[A-Z0-9@.-]{1,64}$/i.test(name)) this.#program?.signal(name);
      accept?.();
    });
    session.on('x11', (_accept, reject) => {
      reject?.();
      connection.refuseUnserved('forwardX11', 'X11 forwarding');
    });
    session.on('auth-agent', (_accept, reject) => {
      reject?.();
      connection.refuseUnserved('forwardAgent', 'agent forwarding');
    });
    session.on('shell', (accept) => this.#start(accept, 'shell', 'shell'));
    session.on('exec', (accept, _reject, { command }) => this.#start(accept, 'exec', command));
    session.on('subsystem', (accept, _reject, { name }) => this.#start(accept, 'subsystem', name));
    session.once('close', () => this.#ended.abort(new SluiceError('interrupted', 'the client closed the channel')));
  }

  /** Both ends have closed it. */
  readonly closed: Promise<void>;

  get channel(): ServerChannel | null {
    return this.#channel;
  }

  /** Tells the person something on stderr; never fails. */
  tell(text: string): void {
    const channel = this.#channel;
    if (channel === null || this.#program !== null || this.#ended.signal.aborted) return;
    const shown = this.#terminal === null ? text : text.replaceAll('\n', '\r\n');
    this.#told = this.#told
      .then(() => writeTo(channel, shown, this.#ended.signal, channel.stderr))
      .catch(() => undefined);
  }

  /** Ends the channel with a status of the gateway's own. */
  async fail(error: SluiceError): Promise<void> {
    const channel = this.#channel;
    if (channel === null || this.#ended.signal.aborted) return;
    this.#program = null;
    this.tell(errorText(error));
    await this.#told;
    this.#ended.abort(error);
    channel.exit(exitStatusOf(error.code));
    channel.end();
  }

  /**
   * The client is told "yes" at once and everything else on stderr and by exit status: a refusal by channel failure would
   * have no words, and a client sends its input without waiting for the answer.
   */
  #start(accept: () => ServerChannel, kind: 'shell' | 'exec' | 'subsystem', text: string): void {
    if (this.#channel !== null) return;
    const channel = accept();
    channel.on('error', () => undefined);
    channel.stderr.on('error', () => undefined);
    this.#channel = channel;
    if (!this.#connection.isUsable(channel)) return;
    this.#connection.track(this.#run(channel, kind, text));
  }

  async #run(channel: ServerChannel, kind: 'shell' | 'exec' | 'subsystem', text: string): Promise<void> {
    const signal = this.#signal;
    let op: number | null = null;
    try {
      const talk = await this.#connection.ready;
      const terminal = this.#terminal;
      const { target } = talk.incoming;
      const subject = programOperation(target, { kind, text, terminal: terminal !== null });
      const permit = await talk.judging.ask(subject, (words) => this.tell(words), signal);
      op = permit.op;
      const setup = { terminal, environment: Object.fromEntries(this.#environment) };
      if (kind === 'shell' && terminal !== null) this.tell(this.#connection.banner);
      await this.#told;
      if (kind === 'subsystem') {
        const upstream = await talk.backend.subsystem(permit);
        upstream.on('error', () => undefined);
        // Another subsystem's bytes would pass unread.
        await new SftpProxy({ talk, channel, upstream, permit, signal }).run();
        return;
      }
      const upstream = await talk.backend[kind](permit, setup);
      upstream.on('error', () => undefined);
      const isTransfer = movesFiles(subject.effects);
      this.#program = new Program({
        talk,
        channel,
        upstream,
        permit,
        effects: subject.effects,
        terminal,
        signal,
        isTransfer,
        takesLines:
          target.command === undefined && (kind === 'shell' || subject.effects.some(({ facts }) => facts.opaque)),
      });
      await this.#program.run();
    } catch (error) {
      if (signal.aborted) return;
      const told = this.#connection.told(error);
      if (op !== null) this.#connection.record(told, op); // what was permitted did not come to its end
      await this.fail(told);
      if (isSluiceError(error, 'recorder_failed')) this.#connection.recorderFailed(error);
    }
  }

  #accepts(name: string, value: string): boolean {
    const { ssh } = this.#connection.incoming.target;
    const allowed = (ssh?.environment ?? []).some((pattern) =>
      pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
    );
    return (
      allowed &&
      /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) &&
      !value.includes('\0') &&
      value.length <= maxVariableChars &&
      this.#channel === null &&
      this.#environment.size < maxVariables
    );
  }
}

/** Sizes as any terminal has them; a hostile one would make a reader of the recording draw a huge screen. */
function isSize(info: { readonly cols: number; readonly rows: number }): boolean {
  return info.cols >= 0 && info.cols <= 2000 && info.rows >= 0 && info.rows <= 2000;
}

/** ssh2's types leave out the terminal's name. */
function termOf(info: object): string {
  const term = 'term' in info && typeof info.term === 'string' ? info.term : '';
  return /^[A-Za-z0-9+._-]{1,64}$/.test(term) ? term : 'vt100';
}
