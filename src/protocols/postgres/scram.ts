import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { SluiceError } from '../../lib/errors.js';

const derive = promisify(pbkdf2);
const maxIterations = 1_000_000; // a hostile server must not buy minutes of our processor
const gs2Header = 'n,,'; // no channel binding, RFC 5802 section 6

const hmac = (key: Buffer, text: string | Buffer): Buffer => createHmac('sha256', key).update(text).digest();
const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();

function xor(a: Buffer, b: Buffer): Buffer {
  const out = Buffer.alloc(a.length);
  for (let i = 0; i < a.length; i++) out[i] = (a[i] ?? 0) ^ (b[i] ?? 0);
  return out;
}

/** `a=value,b=value…` (RFC 5802 section 7); a repeated or malformed attribute is refused. */
function attributes(message: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of message.split(',')) {
    if (part[1] !== '=' || found.has(part.slice(0, 1))) throw new SluiceError('protocol', 'malformed SCRAM message');
    found.set(part.slice(0, 1), part.slice(2));
  }
  return found;
}

function attribute(found: ReadonlyMap<string, string>, name: string): string {
  const value = found.get(name);
  if (value === undefined) throw new SluiceError('protocol', `SCRAM message lacks "${name}"`);
  return value;
}

function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677): three messages, the last of which proves the server. */
export class ScramClient {
  readonly #password: string;
  readonly #nonce: string;
  readonly #user: string;
  #serverSignature: Buffer | null = null;

  /** PostgreSQL takes the user from the startup message and ignores the one here (PostgreSQL 55.3.1). */
  constructor(password: string, nonce = randomBytes(18).toString('base64'), user = '') {
    this.#password = password;
    this.#nonce = nonce;
    this.#user = user;
  }

  first(): string {
    return `${gs2Header}n=${this.#user},r=${this.#nonce}`;
  }

  /** `require` throws where the server asks for too few iterations, before anything is made of the password. */
  async final(serverFirst: string, require: (iterations: number) => void = () => undefined): Promise<string> {
    const found = attributes(serverFirst);
    const nonce = attribute(found, 'r');
    const iterations = Number(attribute(found, 'i'));
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length || nonce.length > 256) {
      throw new SluiceError('protocol', 'SCRAM: the server did not extend our nonce');
    }
    if (!Number.isInteger(iterations) || iterations < 1 || iterations > maxIterations) {
      throw new SluiceError('protocol', 'SCRAM: iteration count out of bounds');
    }
    require(iterations);
    const salted = await derive(
      this.#password.normalize('NFKC'),
      Buffer.from(attribute(found, 's'), 'base64'),
      iterations,
      32,
      'sha256',
    );
    const clientKey = hmac(salted, 'Client Key');
    const withoutProof = `c=${Buffer.from(gs2Header).toString('base64')},r=${nonce}`;
    const authMessage = `n=${this.#user},r=${this.#nonce},${serverFirst},${withoutProof}`;
    this.#serverSignature = hmac(hmac(salted, 'Server Key'), authMessage);
    const proof = xor(clientKey, hmac(sha256(clientKey), authMessage));
    return `${withoutProof},p=${proof.toString('base64')}`;
  }

  /** Throws unless the server knows the password as well. */
  verify(serverFinal: string): void {
    const signature = Buffer.from(attribute(attributes(serverFinal), 'v'), 'base64');
    if (this.#serverSignature === null || !sameBytes(signature, this.#serverSignature)) {
      throw new SluiceError('protocol', 'SCRAM: the server could not prove that it knows the password');
    }
  }
}

/** The server's side, from a stored verifier "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey"; it never knows the password. */
export class ScramServer {
  readonly #iterations: string;
  readonly #salt: string;
  readonly #storedKey: Buffer;
  readonly #serverKey: Buffer;
  readonly #nonce: string;
  #clientFirstBare = '';
  #serverFirst = '';
  #gs2 = '';

  constructor(verifier: string, nonce = randomBytes(18).toString('base64')) {
    this.#nonce = nonce;
    const match = /^SCRAM-SHA-256\$(\d{4,7}):([A-Za-z0-9+/=]{8,128})\$([A-Za-z0-9+/=]{44}):([A-Za-z0-9+/=]{44})$/.exec(
      verifier,
    );
    if (match === null) throw new SluiceError('usage', 'malformed SCRAM verifier');
    const [, iterations = '', salt = '', stored = '', server = ''] = match;
    this.#iterations = iterations;
    this.#salt = salt;
    this.#storedKey = Buffer.from(stored, 'base64');
    this.#serverKey = Buffer.from(server, 'base64');
  }

  first(clientFirst: string): string {
    const match = /^([ny],,)(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]{1,256}))$/.exec(clientFirst);
    if (match === null) throw new SluiceError('protocol', 'malformed SCRAM client-first-message');
    const [, gs2 = '', bare = '', nonce = ''] = match;
    this.#gs2 = gs2;
    this.#clientFirstBare = bare;
    this.#serverFirst = `r=${nonce}${this.#nonce},s=${this.#salt},i=${this.#iterations}`;
    return this.#serverFirst;
  }

  /** The server-final-message, or null when the proof is wrong. */
  final(clientFinal: string): string | null {
    const cut = clientFinal.lastIndexOf(',p=');
    if (cut === -1) return null;
    const withoutProof = clientFinal.slice(0, cut);
    const proof = Buffer.from(clientFinal.slice(cut + 3), 'base64');
    const found = attributes(withoutProof);
    const expectedNonce = attribute(attributes(this.#serverFirst), 'r');
    if (found.get('r') !== expectedNonce || found.get('c') !== Buffer.from(this.#gs2).toString('base64')) return null;
    if (proof.length !== 32) return null;
    const authMessage = `${this.#clientFirstBare},${this.#serverFirst},${withoutProof}`;
    const clientKey = xor(proof, hmac(this.#storedKey, authMessage));
    if (!sameBytes(sha256(clientKey), this.#storedKey)) return null;
    return `v=${hmac(this.#serverKey, authMessage).toString('base64')}`;
  }
}
