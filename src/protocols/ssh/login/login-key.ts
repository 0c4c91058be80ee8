import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { Fields, keyType, publicKeyOf } from './certificate.js';

/** Keys that somebody may log in with: of files, and of security tokens (OpenSSH's PROTOCOL.u2f). */
const loginKeyTypes = [keyType, 'sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com'] as const;
type LoginKeyType = (typeof loginKeyTypes)[number];

/** A public key that proves who somebody is. */
export interface LoginKey {
  readonly type: LoginKeyType;
  /** As it goes over the wire. */
  readonly blob: Buffer;
  readonly key: KeyObject;
  /** What a security token signs for, which stands in its signatures; null for a key of a file. */
  readonly application: string | null;
}

const userPresent = 0x01;
const p256Bytes = 32;

/** The key in a line like "ssh-ed25519 AAAA… comment"; null when it is none of these types. */
export function readLoginKeyLine(line: string): LoginKey | null {
  const [type, base64 = ''] = line.trim().split(/\s+/);
  if (!/^[A-Za-z0-9+/]{60,400}={0,2}$/.test(base64)) return null;
  const key = readLoginKey(Buffer.from(base64, 'base64'));
  return key?.type === type ? key : null;
}

/**
 * string("ssh-ed25519") string(key), string("sk-ssh-ed25519@openssh.com") string(key) string(application), or
 * string("sk-ecdsa-sha2-nistp256@openssh.com") string("nistp256") string(point) string(application); null for anything else.
 */
export function readLoginKey(blob: Buffer): LoginKey | null {
  try {
    const fields = new Fields(blob);
    const named = fields.text();
    const type = loginKeyTypes.find((one) => one === named);
    if (type === undefined) return null;
    const key =
      type === 'sk-ecdsa-sha2-nistp256@openssh.com' ? p256Of(fields.text(), fields.bytes()) : ed25519Of(fields.bytes());
    const application = type === keyType ? null : fields.text();
    if (key === null || !fields.isAtEnd || application?.startsWith('ssh:') === false) return null;
    return { type, blob, key, application };
  } catch {
    return null;
  }
}

/** Whether this key made this signature over the data: string(type) string(signature), with flags and counter of a token. */
export function isSignedBy({ type, ...rest }: LoginKey, signature: Buffer, data: Buffer): boolean {
  try {
    const fields = new Fields(signature);
    if (fields.text() !== type) return false;
    const bytes = fields.bytes();
    const behind = signature.subarray(fields.at);
    return (
      behind.length === (rest.application === null ? 0 : 5) &&
      isProof({ type, ...rest }, Buffer.concat([bytes, behind]), data)
    );
  } catch {
    return false;
  }
}

/**
 * The same without the two lengths and the type, which ssh2 has taken off. A token signs SHA-256(application) byte(flags)
 * uint32(counter) SHA-256(data), and somebody must have touched it.
 */
export function isProof({ type, key, application }: LoginKey, signature: Buffer, data: Buffer): boolean {
  if (application === null) return signature.length === 64 && verify(null, data, key, signature);
  if (signature.length < 5) return false;
  const [made, behind] = [signature.subarray(0, -5), signature.subarray(-5)];
  if (((behind[0] ?? 0) & userPresent) === 0) return false;
  const signed = Buffer.concat([sha256(application), behind, sha256(data)]);
  if (type === 'sk-ssh-ed25519@openssh.com') return made.length === 64 && verify(null, signed, key, made);
  const pair = p256Signature(made);
  return pair !== null && verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, pair);
}

function ed25519Of(raw: Buffer): KeyObject | null {
  return raw.length === 32 ? publicKeyOf(raw) : null;
}

/** An uncompressed point; one that is not on the curve throws. */
function p256Of(curve: string, point: Buffer): KeyObject | null {
  if (curve !== 'nistp256' || point.length !== 1 + 2 * p256Bytes || point[0] !== 4) return null;
  const [x, y] = [point.subarray(1, 1 + p256Bytes), point.subarray(1 + p256Bytes)];
  const jwk = { kty: 'EC', crv: 'P-256', x: x.toString('base64url'), y: y.toString('base64url') };
  return createPublicKey({ key: jwk, format: 'jwk' });
}

/** mpint(r) mpint(s) as 32 bytes each; null when it is anything else. */
function p256Signature(bytes: Buffer): Buffer | null {
  try {
    const fields = new Fields(bytes);
    const numbers = [fields.bytes(), fields.bytes()].map((number) => (number[0] === 0 ? number.subarray(1) : number));
    if (!fields.isAtEnd || numbers.some(({ length }) => length > p256Bytes)) return null;
    return Buffer.concat(numbers.flatMap((number) => [Buffer.alloc(p256Bytes - number.length), number]));
  } catch {
    return null;
  }
}

function sha256(data: string | Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
