import { createPublicKey, randomBytes, sign, verify, type KeyObject } from 'node:crypto';
import { string, uint32, uint64 } from '../sftp/codec.js';

/** The one kind of certificate that is issued and taken (OpenSSH's PROTOCOL.certkeys). */
export const certificateType = 'ssh-ed25519-cert-v01@openssh.com';
export const keyType = 'ssh-ed25519';
const userCertificate = 1;
/**
 * Says whom the certificate stands for. It is critical, so that no other server that trusts this authority takes the
 * certificate for a login of its own.
 */
const identityOption = 'identity@sluice';
const maxBlobBytes = 16 * 1024;
/** No certificate of ours is valid for longer; one that says so is not ours. */
const maxValidSeconds = 3600;

/** A certificate, of which nothing is known to be true yet. */
export interface Certificate {
  readonly publicKey: Buffer;
  readonly type: number;
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Seconds since 1970. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly criticalOptions: ReadonlyMap<string, string>;
  readonly extensions: ReadonlyMap<string, string>;
  readonly authority: Buffer;
  readonly signed: Buffer;
  readonly signature: Buffer;
}

/** Why a certificate is not taken. */
export class CertificateError extends Error {}

/** What a certificate says once it has been checked. */
export interface Identified {
  /** What `issue` was given. */
  readonly identity: string;
  readonly keyId: string;
  readonly publicKey: Buffer;
}

/**
 * string(type) string(nonce) string(pk) uint64(serial) uint32(type) string(key id) string(principals) uint64(valid after)
 * uint64(valid before) string(critical options) string(extensions) string(reserved) string(signature key) string(signature)
 */
export function readCertificate(blob: Buffer): Certificate {
  if (blob.length > maxBlobBytes) throw new CertificateError('it is too long');
  const fields = new Fields(blob);
  if (fields.text() !== certificateType) throw new CertificateError(`it is not of type ${certificateType}`);
  fields.bytes();
  const publicKey = fields.bytes();
  fields.uint64();
  const type = fields.uint32();
  const keyId = fields.text();
  const names = new Fields(fields.bytes());
  const principals: string[] = [];
  while (!names.isAtEnd) principals.push(names.text());
  const validAfter = fields.uint64();
  const validBefore = fields.uint64();
  const criticalOptions = optionsIn(fields.bytes());
  const extensions = optionsIn(fields.bytes());
  if (fields.bytes().length > 0) throw new CertificateError('its reserved field is not empty');
  const authority = fields.bytes();
  const signed = blob.subarray(0, fields.at);
  const signature = fields.bytes();
  if (!fields.isAtEnd) throw new CertificateError('something stands behind its end');
  return {
    ...{ publicKey, type, keyId, principals, validAfter, validBefore, criticalOptions, extensions },
    ...{ authority, signed, signature },
  };
}

/** Throws CertificateError unless this authority issued it for now. That its holder has the key is not checked here. */
export function checkCertificate(certificate: Certificate, authority: KeyObject, nowMs: number): Identified {
  const refuse = (why: string): never => {
    throw new CertificateError(why);
  };
  const { principals, criticalOptions, validAfter, validBefore } = certificate;
  // The key must be the authority's own, so a certificate that was itself signed with a certificate is none.
  if (!certificate.authority.equals(publicBlob(authority))) refuse('another authority issued it');
  if (!verifySignature(certificate.signature, certificate.signed, authority)) refuse('its signature is wrong');
  if (certificate.type !== userCertificate) refuse('it is not for users');
  if (certificate.publicKey.length !== 32) refuse('its key is none');
  const now = BigInt(Math.floor(nowMs / 1000));
  if (now < validAfter) refuse('it is not valid yet');
  if (now >= validBefore) refuse('it has expired');
  if (validBefore - validAfter > BigInt(maxValidSeconds)) refuse('it is valid for too long');
  const [principal] = principals;
  if (principals.length !== 1 || principal === undefined) refuse('it must name one principal');
  else if (principal === '' || principal !== certificate.keyId) refuse('its principal is not its identity');
  for (const name of criticalOptions.keys())
    if (name !== identityOption) refuse(`its critical option ${JSON.stringify(name)} is unknown`);
  const identity = criticalOptions.get(identityOption);
  if (identity === undefined) return refuse('it says nothing of an identity');
  return { identity, keyId: certificate.keyId, publicKey: certificate.publicKey };
}

export interface CertificateOrder {
  /** The user's public key, 32 bytes. */
  readonly publicKey: Buffer;
  readonly keyId: string;
  readonly identity: string;
  readonly validAfter: number;
  readonly validBefore: number;
}

/** A certificate as OpenSSH's client takes it, in one line. */
export function issueCertificate(order: CertificateOrder, privateKey: KeyObject): string {
  const { publicKey, keyId, identity, validAfter, validBefore } = order;
  const options = Buffer.concat([string(identityOption), string(string(identity))]);
  const fields = {
    publicKey,
    keyId,
    principals: [keyId],
    validAfter,
    validBefore,
    options,
    extensions: Buffer.alloc(0),
  };
  return `${certificateType} ${sealCertificate({ ...fields, serial: randomBytes(8) }, privateKey).toString('base64')}`;
}

/** What a certificate for a user says; `options` and `extensions` as they are written. */
export interface CertificateFields {
  /** 32 bytes. */
  readonly publicKey: Buffer;
  /** 8 bytes. */
  readonly serial: Buffer;
  readonly keyId: string;
  readonly principals: readonly string[];
  /** Seconds since 1970. */
  readonly validAfter: number;
  readonly validBefore: number;
  readonly options: Buffer;
  readonly extensions: Buffer;
}

/** A certificate for a user's Ed25519 key, signed by an Ed25519 authority. */
export function sealCertificate(fields: CertificateFields, privateKey: KeyObject): Buffer {
  const signed = Buffer.concat([
    string(certificateType),
    string(randomBytes(32)),
    string(fields.publicKey),
    fields.serial,
    uint32(userCertificate),
    string(fields.keyId),
    string(Buffer.concat(fields.principals.map((principal) => string(principal)))),
    uint64(fields.validAfter),
    uint64(fields.validBefore),
    string(fields.options),
    string(fields.extensions),
    string(''),
    string(publicBlob(createPublicKey(privateKey))),
  ]);
  const signature = Buffer.concat([string(keyType), string(sign(null, signed, privateKey))]);
  return Buffer.concat([signed, string(signature)]);
}

/** The 32 bytes of an Ed25519 key in a line like "ssh-ed25519 AAAA… comment"; null when it is none. */
export function readPublicKey(line: string): Buffer | null {
  const [type, base64 = ''] = line.trim().split(/\s+/);
  if (type !== keyType || !/^[A-Za-z0-9+/]{60,100}=*$/.test(base64)) return null;
  return rawPublicKey(Buffer.from(base64, 'base64'));
}

/** The 32 bytes of an Ed25519 key in string("ssh-ed25519") string(key); null when it is none. */
function rawPublicKey(blob: Buffer): Buffer | null {
  try {
    const fields = new Fields(blob);
    const isEd25519 = fields.text() === keyType;
    const key = fields.bytes();
    return isEd25519 && key.length === 32 && fields.isAtEnd ? key : null;
  } catch {
    return null;
  }
}

/** string("ssh-ed25519") string(64 bytes), over the data (RFC 8709, section 6). */
export function verifySignature(signature: Buffer, data: Buffer, key: KeyObject): boolean {
  try {
    const fields = new Fields(signature);
    const type = fields.text();
    const bytes = fields.bytes();
    return type === keyType && bytes.length === 64 && fields.isAtEnd && verify(null, data, key, bytes);
  } catch {
    return false;
  }
}

export function publicKeyOf(raw: Buffer): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' });
}

/** string("ssh-ed25519") string(key) */
export function publicBlob(key: KeyObject): Buffer {
  const { x = '' } = key.export({ format: 'jwk' });
  return Buffer.concat([string(keyType), string(Buffer.from(x, 'base64url'))]);
}

function optionsIn(bytes: Buffer): ReadonlyMap<string, string> {
  const fields = new Fields(bytes);
  const options = new Map<string, string>();
  let last = '';
  while (!fields.isAtEnd) {
    const name = fields.text();
    const value = fields.bytes();
    // Names come in order and once; a second one would be read by one program and not by another.
    if (name <= last) throw new CertificateError('its options are out of order');
    last = name;
    if (value.length === 0) options.set(name, '');
    else {
      const inner = new Fields(value);
      options.set(name, inner.text());
      if (!inner.isAtEnd) throw new CertificateError('something stands behind an option');
    }
  }
  return options;
}

export class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get at(): number {
    return this.#at;
  }
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  uint32(): number {
    return this.#take(4).readUInt32BE();
  }
  uint64(): bigint {
    return this.#take(8).readBigUInt64BE();
  }
  bytes(): Buffer {
    return this.#take(this.uint32());
  }
  text(): string {
    const bytes = this.bytes();
    const text = bytes.toString('utf8');
    if (text.includes('\0') || !Buffer.from(text).equals(bytes)) throw new CertificateError('a text in it is none');
    return text;
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new CertificateError('it ends early');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
