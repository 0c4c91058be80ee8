import type { Duplex } from 'node:stream';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { Socket } from 'node:net';
import { SluiceError } from '../../lib/errors.js';
import { encodeFields, gatewayError } from './errors.js';
import { cString, FieldReader, frame, int32 } from './frames.js';
import { HandshakeInput } from './handshake.js';
import { ScramServer } from './scram.js';
import type { StartupPacket } from './startup.js';

export type Startup = Extract<StartupPacket, { type: 'startup' }>;
export type Cancel = Extract<StartupPacket, { type: 'cancel' }>;

const no = Buffer.from('N');
const protocolVersion = 196608;

/**
 * Answers SSLRequest and GSSENCRequest until the client says what it wants. Inside a tunnel TLS is already around us, so
 * encryption is declined; `offerTls` is for listeners that clients reach directly.
 */
export async function greet(
  stream: Duplex,
  signal: AbortSignal,
  offerTls: { readonly socket: Socket; readonly context: SecureContext } | null = null,
): Promise<{
  readonly packet: Startup | Cancel;
  readonly input: HandshakeInput;
  readonly stream: Duplex;
  readonly encrypted: boolean;
}> {
  const input = new HandshakeInput(stream, signal);
  let current = stream;
  let encrypted = false;
  for (let asked = 0; asked < 4; asked++) {
    const packet = await input.startup();
    if (packet.type === 'startup' || packet.type === 'cancel') return { packet, input, stream: current, encrypted };
    input.requireNothingBehind();
    if (packet.type === 'ssl' && offerTls !== null && !encrypted) {
      current.write(Buffer.from('S'));
      const secured = new TLSSocket(offerTls.socket, { isServer: true, secureContext: offerTls.context });
      secured.on('error', () => secured.destroy());
      current = secured;
      input.replaceStream(current);
      encrypted = true;
    } else current.write(no);
  }
  throw new SluiceError('protocol', 'too many encryption requests');
}

/** SASL with SCRAM-SHA-256 against the tunnel's verifier: proves that the client knows the tunnel's password. */
export async function requireTunnelPassword(stream: Duplex, input: HandshakeInput, verifier: string): Promise<void> {
  const scram = new ScramServer(verifier);
  stream.write(frame('R', int32(10), cString('SCRAM-SHA-256'), Buffer.from([0])));
  const initial = new FieldReader((await input.password()).payload);
  const mechanism = initial.string();
  const length = initial.int32();
  if (mechanism !== 'SCRAM-SHA-256') throw wrongPassword();
  const first = scram.first(initial.bytes(length).toString('utf8'));
  stream.write(frame('R', int32(11), Buffer.from(first)));
  const final = scram.final((await input.password()).payload.toString('utf8'));
  if (final === null) throw wrongPassword();
  stream.write(frame('R', int32(12), Buffer.from(final)));
}

/** AuthenticationCleartextPassword: the native listener's password is an access token, sent over TLS or loopback only. */
export async function askForToken(stream: Duplex, input: HandshakeInput): Promise<string> {
  stream.write(frame('R', int32(3)));
  const reader = new FieldReader((await input.password()).payload);
  const token = reader.string();
  reader.end();
  return token;
}

function wrongPassword(): SluiceError {
  return new SluiceError(
    'login_required',
    'the password is not this tunnel’s. Print it with: sluice connect TARGET --print uri',
    { decider: 'gateway' },
  );
}

/**
 * NegotiateProtocolVersion for clients that ask for more than 3.0: Int32(version) Int32(n) String(option) × n. The version
 * is whole, 196608 for 3.0, whatever PostgreSQL 55.7 says of a minor one: servers send it so, and libpq of 18 wants it so.
 */
export function negotiate(stream: Duplex, startup: Startup): void {
  if (startup.minor === 0 && startup.extensions.length === 0) return;
  const body = [int32(protocolVersion), int32(startup.extensions.length), ...startup.extensions.map(cString)];
  stream.write(frame('v', ...body));
}

/** Ends a client's connection with a FATAL error in its own protocol. */
export function sayFatal(stream: Duplex, error: unknown): void {
  if (stream.destroyed || stream.writableEnded) return;
  stream.end(encodeFields('E', gatewayError(error, 'FATAL')));
}

/** Nobody waits for a client that does not read: what is left unread a moment after the end is dropped. */
export function closeSoon(stream: Duplex, afterMs: number): void {
  if (stream.destroyed) return;
  const timer = setTimeout(() => stream.destroy(), afterMs);
  timer.unref();
  stream.once('close', () => clearTimeout(timer));
  stream.resume();
  if (!stream.writableEnded) stream.end();
}
