import { createHash } from 'node:crypto';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { isSluiceError, messageOf, SluiceError } from '../../lib/errors.js';
import { connectBorrowing } from '../../lib/incoming.js';
import { TurnWriter } from '../../lib/turn-writer.js';
import type { TargetConfig } from '../../sessions/types.js';
import { decodeErrorFields } from './errors.js';
import { cString, FieldReader, frame, FrameReader, int32, type Frame } from './frames.js';
import { ScramClient } from './scram.js';

/** A target's connection right after its first ReadyForQuery. */
export interface DialledTarget {
  readonly socket: Duplex;
  /** What the session writes to it. */
  readonly out: TurnWriter;
  /** Why the way to the target ended, where that is not the target's doing: a relay was lost. */
  readonly lost: () => SluiceError | null;
  /** ParameterStatus values as the server reported them. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly processId: number;
  readonly cancelKey: Buffer;
  /** The reader that holds whatever the server sent behind ReadyForQuery. */
  readonly reader: FrameReader;
}

export interface DialOptions {
  /** Settings for our own StartupMessage; nothing of the client's passes but what startup.ts accepts. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
  /** Largest server message once the session runs. */
  readonly maxFrameBytes?: number;
}

const handshakeLimitBytes = 64 * 1024;
const maxHandshakeMessages = 300; // a hostile server must not keep us for ever

/** Connects and authenticates to a PostgreSQL target with the vault's secret. Errors never hold the secret. */
export async function dialPostgres(target: TargetConfig, options: DialOptions): Promise<DialledTarget> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? 15_000);
  const signal = AbortSignal.any([options.signal, timeout]);
  let socket: Duplex | null = null;
  let way: Duplex | null = null;
  try {
    const secret = await target.readSecret();
    const { stream, isLocal } = await connectTarget(target, signal);
    way = stream;
    socket = await secure(stream, target, signal);
    const session = await authenticate(socket, target, { secret, isLocal }, options, signal);
    return { ...session, lost: () => (isSluiceError(stream.errored) ? stream.errored : null) };
  } catch (error) {
    socket?.destroy();
    way?.destroy();
    if (options.signal.aborted) throw new SluiceError('interrupted', 'the connection was given up', { cause: error });
    if (isSluiceError(way?.errored)) throw way.errored;
    if (timeout.aborted) throw unreachable(target, 'it did not answer in time', error);
    if (isSluiceError(error) && error.code !== 'protocol' && error.code !== 'too_large') throw error;
    throw unreachable(target, messageOf(error), error);
  }
}

function unreachable(target: TargetConfig, why: string, cause: unknown): SluiceError {
  return new SluiceError('target_unreachable', `target ${target.name} cannot be reached: ${why}`, {
    decider: 'network',
    retryable: true,
    cause,
    next: [{ command: `sluice describe ${target.name}`, when: 'to see whether it is online' }],
  });
}

/** The bytes' way to a target: a connection of our own, or one that its relay makes. `isLocal`: it never leaves this machine. */
async function connectTarget(
  target: TargetConfig,
  signal: AbortSignal,
): Promise<{ readonly stream: Duplex; readonly isLocal: boolean }> {
  if (target.relay !== undefined) return { stream: await target.relay.connect(signal), isLocal: false };
  const socket = await connectSocket(target, signal);
  const isLocal = socket.remoteAddress === '127.0.0.1' || socket.remoteAddress === '::1';
  return { stream: socket, isLocal };
}

async function connectSocket({ host, port, tls }: TargetConfig, signal: AbortSignal): Promise<Socket> {
  // TLS reads from the system by itself, into memory of its own.
  const connect = tls.mode === 'disable' ? connectBorrowing : connectTcp;
  const socket = connect({ host, port, noDelay: true, keepAlive: true });
  // Each step listens while it waits; an error between two steps must not end the process.
  socket.on('error', () => socket.destroy());
  try {
    await once(socket, 'connect', { signal });
  } catch (error) {
    socket.destroy();
    const code = error instanceof Error && 'code' in error ? String(error.code) : messageOf(error);
    throw new Error(`connection failed (${code})`, { cause: error });
  }
  return socket;
}

/** SSLRequest: Int32(8) Int32(80877103), answered by one byte that is no framed message. PostgreSQL 55.2.11. */
async function secure(socket: Duplex, target: TargetConfig, signal: AbortSignal): Promise<Duplex> {
  if (target.tls.mode === 'disable') return socket;
  socket.write(Buffer.concat([int32(8), int32(80877103)]));
  const answer = await firstChunk(socket, signal);
  // Bytes behind the answer were sent before TLS and could be an injection (CVE-2021-23222): refuse them.
  if (answer.length !== 1) throw new SluiceError('protocol', 'the server sent data before TLS was set up');
  if (answer[0] !== 0x53) throw new SluiceError('protocol', 'the server does not offer TLS, and the target demands it');
  const verify = target.tls.mode === 'verify-full';
  const secured = connectTls({
    socket,
    host: target.host, // what the certificate must name; without it an address would be taken for localhost
    ...(isIP(target.host) === 0 ? { servername: target.host } : {}),
    ...(target.tls.ca === null ? {} : { ca: target.tls.ca }),
    rejectUnauthorized: verify,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['postgresql'],
  });
  secured.on('error', () => secured.destroy());
  try {
    await once(secured, 'secureConnect', { signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new SluiceError('protocol', tlsFault(error), { cause: error });
  }
  return secured;
}

/** Its own words would name the target's address, and what a stranger wrote into a certificate. */
function tlsFault(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `its certificate is for another name (${code})`;
  if (/CERT|ISSUER|SIGNATURE/.test(code)) return `its certificate is not trusted (${code})`;
  return `TLS could not be set up${/^[A-Z0-9_]+$/.test(code) ? ` (${code})` : ''}`;
}

async function firstChunk(socket: Duplex, signal: AbortSignal): Promise<Buffer> {
  return await new Promise<Buffer>((resolve, reject) => {
    const stop = (): void => {
      socket.off('data', onData).off('error', onFail).off('close', onClose);
      signal.removeEventListener('abort', onAbort);
      socket.pause();
    };
    const onData = (chunk: Buffer): void => {
      stop();
      resolve(chunk);
    };
    const onFail = (error: Error): void => {
      stop();
      reject(error);
    };
    const onClose = (): void => onFail(new Error('the server closed the connection'));
    const onAbort = (): void => onFail(new Error('aborted'));
    socket.on('data', onData).on('error', onFail).on('close', onClose);
    signal.addEventListener('abort', onAbort, { once: true });
    // The end can come while nobody listens: during the rounds of a password, or with the last bytes.
    if (signal.aborted) onAbort();
    else if (socket.readableEnded || socket.destroyed) onClose();
    else socket.resume();
  });
}

/** Reads frames one by one during the handshake, each bounded. */
class HandshakeReader {
  readonly reader: FrameReader;
  #messages = 0;
  #ready = false;

  constructor(
    readonly socket: Duplex,
    readonly signal: AbortSignal,
    maxFrameBytes: number,
  ) {
    this.reader = new FrameReader(() => (this.#ready ? maxFrameBytes : handshakeLimitBytes));
  }

  /** From now on the session's own limit holds. */
  finish(): void {
    this.#ready = true;
  }

  async next(): Promise<Frame> {
    for (;;) {
      const found = this.reader.next();
      if (found !== null) {
        if (++this.#messages > maxHandshakeMessages)
          throw new SluiceError('protocol', 'the server never finishes its handshake');
        return found;
      }
      this.reader.push(await firstChunk(this.socket, this.signal));
    }
  }
}

async function authenticate(
  socket: Duplex,
  target: TargetConfig,
  { secret, isLocal }: { readonly secret: string; readonly isLocal: boolean },
  options: DialOptions,
  signal: AbortSignal,
): Promise<Omit<DialledTarget, 'lost'>> {
  const input = new HandshakeReader(socket, signal, options.maxFrameBytes ?? 256 * 1024 * 1024);
  socket.write(startupMessage(target, options.parameters));
  const isProved = isLocal || target.tls.mode === 'verify-full';
  const parameters = new Map<string, string>();
  let processId = 0;
  let cancelKey: Buffer = Buffer.alloc(4);
  let scram: ScramClient | null = null;
  let authenticated = false;
  for (;;) {
    const { type, payload } = await input.next();
    switch (String.fromCharCode(type)) {
      case 'R': {
        const reader = new FieldReader(payload);
        const method = reader.int32();
        if (method === 0) {
          // A server that skips the proof it began has proved nothing.
          if (scram !== null && !authenticated)
            throw new SluiceError('protocol', 'the server ended SCRAM without its proof');
          authenticated = true;
        } else if (method === 3) {
          if (!isProved) throw unproved('a cleartext password');
          socket.write(frame('p', cString(secret)));
        } else if (method === 5) {
          if (!isProved) throw unproved('an MD5 password, which is soon guessed');
          socket.write(frame('p', cString(md5Answer(target.username, secret, reader.bytes(4)))));
        } else if (method === 10) {
          const offered: string[] = [];
          for (let name = reader.string(); name !== ''; name = reader.string()) offered.push(name);
          if (!offered.includes('SCRAM-SHA-256')) throw new SluiceError('protocol', noMechanism(offered));
          scram = new ScramClient(secret);
          const first = Buffer.from(scram.first());
          socket.write(frame('p', cString('SCRAM-SHA-256'), int32(first.length), first));
        } else if (method === 11 && scram !== null) {
          const final = await scram.final(reader.rest().toString('utf8'), (iterations) => {
            if (!isProved && iterations < leastIterations)
              throw unproved(`SCRAM with an iteration count of ${iterations}, by which a password is soon guessed`);
          });
          socket.write(frame('p', Buffer.from(final)));
        } else if (method === 12 && scram !== null) {
          scram.verify(reader.rest().toString('utf8'));
          authenticated = true;
        } else
          throw new SluiceError(
            'protocol',
            `the server asks for authentication method ${method}, which is not supported`,
          );
        break;
      }
      case 'S': {
        const reader = new FieldReader(payload);
        parameters.set(reader.string(), reader.string());
        break;
      }
      case 'K': {
        const reader = new FieldReader(payload);
        processId = reader.int32();
        cancelKey = Buffer.from(reader.rest());
        break;
      }
      case 'E':
        throw rejected(target, payload);
      case 'N':
      case 'v': // NegotiateProtocolVersion: we ask for 3.0 and no extension, so there is nothing to negotiate
        break;
      case 'Z':
        if (!authenticated) throw new SluiceError('protocol', 'the server skipped authentication');
        input.finish();
        return { socket, parameters, processId, cancelKey, reader: input.reader, out: new TurnWriter(socket) };
      default:
        throw new SluiceError('protocol', `unexpected message 0x${type.toString(16)} in the handshake`);
    }
  }
}

/** RFC 7677 4: a server should ask for no fewer. */
const leastIterations = 4096;

/**
 * A password, or what it is soon guessed from, goes to a server that has proved who it is, or to this very machine. Whoever
 * stands in the way of one with any certificate would only have to ask for it, whatever the real server asks for.
 */
function unproved(what: string): SluiceError {
  return new SluiceError('protocol', `the server asks for ${what}: that needs tls mode verify-full`);
}

/** A mechanism's name is capitals, digits, hyphens and underscores (RFC 4422, 3.1); what is none is not repeated. */
function noMechanism(offered: readonly string[]): string {
  const names = offered.filter((name) => /^[A-Z\d_-]{1,20}$/.test(name)).slice(0, 4);
  const what = names.length === 0 ? 'no SASL mechanism' : `only the SASL mechanism ${names.join(', ')}`;
  return `the server offers ${what}; the gateway logs in with SCRAM-SHA-256`;
}

/** StartupMessage: Int32(length) Int32(196608) then name/value Strings, ended by one NUL. PostgreSQL 55.7. */
function startupMessage(target: TargetConfig, parameters: ReadonlyMap<string, string>): Buffer {
  const fields: Buffer[] = [cString('user'), cString(target.username), cString('database'), cString(target.database)];
  for (const [name, value] of parameters) fields.push(cString(name), cString(value));
  const body = Buffer.concat([int32(196608), ...fields, Buffer.from([0])]);
  return Buffer.concat([int32(body.length + 4), body]);
}

/** AuthenticationMD5Password: "md5" + md5(md5(password + user) + salt). PostgreSQL 55.2.1. */
function md5Answer(user: string, password: string, salt: Buffer): string {
  const md5 = (...parts: (string | Buffer)[]): string => {
    const hash = createHash('md5');
    for (const part of parts) hash.update(part);
    return hash.digest('hex');
  };
  return `md5${md5(md5(password, user), salt)}`;
}

/** The server's refusal, without anything that could name its address or our role. */
function rejected(target: TargetConfig, payload: Buffer): SluiceError {
  const said = decodeErrorFields(payload).get('C') ?? '';
  const code = /^[0-9A-Z]{5}$/.test(said) ? said : '';
  const why = code.startsWith('28')
    ? 'it rejected the gateway’s credentials'
    : code === '53300'
      ? 'it has no free connections'
      : code === '3D000'
        ? 'its database does not exist'
        : 'it refused the connection';
  return new SluiceError(
    'target_unreachable',
    `target ${target.name} cannot be used: ${why} (${code === '' ? 'no SQLSTATE' : code})`,
    {
      decider: 'target',
      targetCode: code === '' ? null : code,
      retryable: code === '53300',
    },
  );
}

/** CancelRequest: Int32(length) Int32(80877102) Int32(pid) key; the server answers by closing. PostgreSQL 55.2.9. */
export async function sendCancel(
  target: TargetConfig,
  processId: number,
  key: Buffer,
  signal: AbortSignal,
): Promise<void> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(5_000)]);
  const { stream: plain } = await connectTarget(target, within);
  plain.on('error', () => plain.destroy());
  try {
    const socket = await secure(plain, target, within);
    socket.on('error', () => socket.destroy());
    socket.end(Buffer.concat([int32(12 + key.length), int32(80877102), int32(processId), key]));
    socket.resume();
    if (!socket.closed) await once(socket, 'close', { signal: within });
  } finally {
    plain.destroy();
  }
}
