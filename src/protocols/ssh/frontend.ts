import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import ssh2, { type AuthContext, type Connection as SshConnection } from 'ssh2';
import { SluiceError } from '../../lib/errors.js';
import { algorithms } from './algorithms.js';
import { showBanner } from './peer-bounds.js';

const derive = promisify(pbkdf2);
const loginTimeoutMs = 30_000;
const maxAttempts = 6;

/** Decides on one attempt to log in: accepts or rejects it, and may tell something before. */
export type Authenticate = (context: AuthContext, tell: (words: string) => void) => void | Promise<void>;

/** Speaks SSH's handshake and login as a server on a stream. */
export function greet<T>(
  stream: Duplex,
  options: {
    readonly hostKey: string;
    readonly authenticate: Authenticate;
    readonly signal: AbortSignal;
    /**
     * Takes over a client that has proved itself, with its version string ("OpenSSH_9.2p1"). Called at that very moment:
     * what a client has sent behind its login is handled right after.
     */
    readonly welcome: (client: SshConnection, software: string) => T;
  },
): Promise<T> {
  const { hostKey, authenticate, signal, welcome } = options;
  return new Promise((resolve, reject) => {
    const server = new ssh2.Server({ hostKeys: [hostKey], algorithms, ident: 'sluice', keepaliveInterval: 30_000 });
    const fail = (error: SluiceError): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      stream.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(new SluiceError('interrupted', 'the gateway ended the connection'));
    const timer = setTimeout(() => fail(new SluiceError('timeout', 'the login took too long')), loginTimeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    const gone = (): void => fail(new SluiceError('interrupted', 'the client left before it had logged in'));
    stream.once('close', gone);
    server.on('connection', (client, info) => {
      let attempts = 0;
      client.on('error', gone);
      client.on('authentication', (context) => {
        if (++attempts > maxAttempts) return void client.end();
        Promise.resolve()
          .then(() => authenticate(context, (words) => showBanner(client, words)))
          .catch(() => context.reject());
      });
      client.once('ready', () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        stream.off('close', gone);
        client.off('error', gone);
        resolve(welcome(client, String(info.header.versions.software).slice(0, 128)));
      });
    });
    server.injectSocket(asSocket(stream));
  });
}

/**
 * The login over a tunnel, which has proved who its user is; a tunnel that others on the user's machine can reach has a
 * password too. No key is taken: an offered key proves nothing, and these clients are known by their token.
 */
export function tunnelLogin(passwordVerifier: string | null): Authenticate {
  return (context) => authenticateTunnel(context, passwordVerifier);
}

async function authenticateTunnel(context: AuthContext, verifier: string | null): Promise<void> {
  if (verifier === null) {
    if (context.method === 'none') context.accept();
    else context.reject(['none']);
    return;
  }
  if (context.method === 'password' && (await isPassword(context.password, verifier))) context.accept();
  else context.reject(['password']);
}

/** Checks a password against a SCRAM-SHA-256 verifier (RFC 5803): StoredKey is the hash of the client's key. */
async function isPassword(password: string, verifier: string): Promise<boolean> {
  const parts = /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):/.exec(verifier);
  if (parts?.[1] === undefined || parts[2] === undefined || parts[3] === undefined) return false;
  const salted = await derive(password, Buffer.from(parts[2], 'base64'), Number(parts[1]), 32, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  const stored = createHash('sha256').update(clientKey).digest();
  const wanted = Buffer.from(parts[3], 'base64');
  return stored.length === wanted.length && timingSafeEqual(stored, wanted);
}

/** ssh2 takes a Socket but uses only what every stream has, and three properties that may be absent. */
function asSocket(stream: Duplex): Socket {
  return stream as Socket;
}
