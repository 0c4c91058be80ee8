import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { messageOf, SluiceError } from '../../lib/errors.js';
import { decodeBech32, encodeBech32 } from './bech32.js';

/**
 * Who can read encrypted recordings, written as age writes them: a recipient is `age1…` (an X25519 public key), an
 * identity `AGE-SECRET-KEY-1…` (its private key). `age-keygen` makes both, and so does `sluice gateway identity`.
 */
export interface Recipient {
  /** `age1…` */
  readonly id: string;
  readonly publicKey: KeyObject;
}
export interface Identity {
  readonly recipient: Recipient;
  readonly privateKey: KeyObject;
}

const recipientPrefix = 'age';
const identityPrefix = 'age-secret-key-';
const keyBytes = 32;
/** RFC 8410: what stands before the 32 bytes of an X25519 key in SPKI and PKCS#8. */
const spkiStart = Buffer.from('302a300506032b656e032100', 'hex');
const pkcs8Start = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** The 32 bytes of an X25519 public key. */
export function rawPublicKey(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' }).subarray(-keyBytes);
}

/** An X25519 public key from its 32 bytes. */
export function publicKeyOfRaw(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([spkiStart, raw]), format: 'der', type: 'spki' });
}

/** Null when the text is not a recipient. */
export function parseRecipient(text: string): Recipient | null {
  const raw = decodeBech32(recipientPrefix, text);
  return raw?.length === keyBytes ? { id: text.toLowerCase(), publicKey: publicKeyOfRaw(raw) } : null;
}

/** Null when the text is not an identity. */
export function parseIdentity(text: string): Identity | null {
  const raw = decodeBech32(identityPrefix, text);
  if (raw?.length !== keyBytes) return null;
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8Start, raw]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey);
  return { privateKey, recipient: { id: encodeBech32(recipientPrefix, rawPublicKey(publicKey)), publicKey } };
}

/** A new identity as the text of its file, and its recipient. */
export function newIdentity(at: Date): { readonly file: string; readonly recipient: string } {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const raw = privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-keyBytes);
  const recipient = encodeBech32(recipientPrefix, rawPublicKey(publicKey));
  const secret = encodeBech32(identityPrefix, raw).toUpperCase();
  return { recipient, file: `# created: ${at.toISOString()}\n# public key: ${recipient}\n${secret}\n` };
}

/** Recipients from the bootstrap: each `age1…`, or a file with one a line. */
export function readRecipients(entries: readonly string[]): readonly Recipient[] {
  const found = new Map<string, Recipient>();
  for (const entry of entries) {
    const here = parseRecipient(entry);
    for (const recipient of here === null ? recipientsOfFile(entry) : [here]) found.set(recipient.id, recipient);
  }
  return [...found.values()];
}

function recipientsOfFile(path: string): readonly Recipient[] {
  let source: string;
  try {
    source = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SluiceError('config_invalid', `cannot read recipients: ${messageOf(cause)}`, { cause });
  }
  const recipients = meaningfulLines(source).map(({ text, line }) => {
    const recipient = parseRecipient(text);
    if (recipient === null) throw new SluiceError('config_invalid', `${path}:${line}: not a recipient (age1…)`);
    return recipient;
  });
  if (recipients.length === 0) throw new SluiceError('config_invalid', `${path} names no recipient (age1…)`);
  return recipients;
}

/** The identities in a file that nobody else can read. Its text is never quoted in an error. */
export function readIdentityFile(path: string): readonly Identity[] {
  let text: string;
  let mode: number;
  try {
    ({ mode } = statSync(path));
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SluiceError('config_invalid', `cannot read the identity: ${messageOf(cause)}`, { cause });
  }
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new SluiceError('config_invalid', `${path} can be read by others; run: chmod 600 ${path}`);
  }
  return parseIdentities(text, path);
}

/** The identities in a text; `from` is how errors call it. */
export function parseIdentities(source: string, from: string): readonly Identity[] {
  const identities = meaningfulLines(source).map(({ text, line }) => {
    const identity = parseIdentity(text);
    if (identity === null) throw new SluiceError('config_invalid', `${from}:${line}: not an identity`);
    return identity;
  });
  if (identities.length === 0) throw new SluiceError('config_invalid', `${from} holds no identity (AGE-SECRET-KEY-1…)`);
  return identities;
}

/** Lines that say something; a `#` begins a remark, as in age's files. */
function meaningfulLines(text: string): { readonly text: string; readonly line: number }[] {
  return text
    .split(/\r?\n/)
    .map((line, index) => ({ text: line.trim(), line: index + 1 }))
    .filter((line) => line.text !== '' && !line.text.startsWith('#'));
}
