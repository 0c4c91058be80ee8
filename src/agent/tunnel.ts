import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { scramVerifier } from '../client/scram.js';
import { isSluiceError, messageOf, SluiceError } from '../lib/errors.js';
import { patiently, type Patience } from './patience.js';
import { isGoodbye, PostgresAnswers } from './postgres-answers.js';
import { encodeLost, refusePostgresClient } from './postgres-refusal.js';
import { splice } from './splice.js';

export interface TunnelOptions {
  readonly target: string;
  /** Makes the server listen and returns its port. */
  readonly listen: (server: Server) => Promise<number>;
  /** Opens one connection to the target through the gateway. */
  readonly dial: (passwordVerifier: string, signal: AbortSignal) => Promise<Duplex>;
  /** How long a new connection waits for a gateway that is away. */
  readonly awayMs?: number;
  readonly now?: () => number;
  /** Given where a tunnel is opened again as it was; otherwise a new one. */
  readonly password?: string;
  /** Says whether the target can be reached by this login now; throws when not. */
  readonly check?: (signal: AbortSignal) => Promise<void>;
  /** Told about connections that could not be made. */
  readonly onRefused?: (error: SluiceError) => void;
}

const defaultAwayMs = 10_000;

/** A listener on loopback whose every connection becomes one connection to the target. */
export class Tunnel {
  readonly target: string;
  readonly host = '127.0.0.1';
  readonly port: number;
  /** Asked of every client, because other users of this machine can reach the port too. */
  readonly password: string;
  readonly startedAt: number;
  readonly #check: (signal: AbortSignal) => Promise<void>;
  readonly #server: Server;
  readonly #closing: AbortController;
  readonly #sockets: ReadonlySet<Socket>;
  readonly #closed: Promise<void>;

  /** Use `serveTunnel`. */
  constructor(parts: {
    readonly target: string;
    readonly port: number;
    readonly password: string;
    readonly startedAt: number;
    readonly check: (signal: AbortSignal) => Promise<void>;
    readonly server: Server;
    readonly closing: AbortController;
    readonly sockets: ReadonlySet<Socket>;
  }) {
    this.target = parts.target;
    this.port = parts.port;
    this.password = parts.password;
    this.startedAt = parts.startedAt;
    this.#check = parts.check;
    this.#server = parts.server;
    this.#closing = parts.closing;
    this.#sockets = parts.sockets;
    this.#closed = new Promise((resolve) => parts.server.once('close', resolve));
  }

  /** Connections open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Resolves when a connection made now would reach the target's gateway with a login that counts. */
  ready(patience: Patience): Promise<void> {
    return patiently((signal) => this.#check(signal), patience);
  }

  /** Stops listening and cuts every connection. */
  async close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort(new SluiceError('interrupted', 'The tunnel was closed', { decider: 'local' }));
      this.#server.close();
      for (const socket of this.#sockets) socket.destroy();
    }
    await this.#closed;
  }
}

/** Opens a tunnel in this process. It lives until it is closed. */
export async function serveTunnel(options: TunnelOptions): Promise<Tunnel> {
  const password = options.password ?? randomBytes(18).toString('base64url');
  const passwordVerifier = scramVerifier(password);
  const closing = new AbortController();
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    void serveConnection(socket, { ...options, passwordVerifier, closing: closing.signal });
  });
  const port = await options.listen(server);
  server.on('error', () => undefined);
  const startedAt = (options.now ?? Date.now)();
  const check = options.check ?? (async () => undefined);
  return new Tunnel({ target: options.target, port, password, startedAt, check, server, closing, sockets });
}

interface ConnectionOptions extends TunnelOptions {
  readonly passwordVerifier: string;
  readonly closing: AbortSignal;
}

/** Bytes, and where the far end is lost amid a conversation, word of it that the client program can read. */
function carry(near: Duplex, far: Duplex, target: string): Promise<void> {
  const answers = new PostgresAnswers();
  let isLeaving = false;
  far.on('data', (chunk: Buffer) => answers.push(chunk));
  near.on('data', (chunk: Buffer) => (isLeaving = isGoodbye(chunk)));
  near.once('end', () => (isLeaving = true));
  return splice(near, far, () => (answers.mayBeFollowed && !isLeaving ? encodeLost(target) : null));
}

/** Never rejects: what goes wrong is told to the client program, in its own protocol. */
async function serveConnection(socket: Socket, options: ConnectionOptions): Promise<void> {
  const gone = new AbortController();
  const leave = (): void => gone.abort(new SluiceError('interrupted', 'The client left', { decider: 'local' }));
  socket.once('close', leave);
  try {
    const far = await patiently((signal) => options.dial(options.passwordVerifier, signal), {
      limitMs: options.awayMs ?? defaultAwayMs,
      signal: AbortSignal.any([gone.signal, options.closing]),
    });
    if (socket.destroyed) far.destroy();
    else await carry(socket, far, options.target);
  } catch (error) {
    if (socket.destroyed) return;
    const refusal = isSluiceError(error)
      ? error
      : new SluiceError('unexpected', messageOf(error), { decider: 'local', cause: error });
    options.onRefused?.(refusal);
    await refusePostgresClient(socket, refusal);
  }
}
