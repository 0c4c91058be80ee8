import { execFile } from 'node:child_process';
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newAuthorityKey, UserAuthority } from '../../../../src/protocols/ssh/login/authority.js';
import {
  checkCertificate,
  issueCertificate,
  publicBlob,
  readCertificate,
} from '../../../../src/protocols/ssh/login/certificate.js';
import { string } from '../../../../src/protocols/ssh/sftp/codec.js';
import { option, sealParts, type CertificateParts } from '../../../support/ssh-certificates.js';

const run = promisify(execFile);
const authorityKey = createPrivateKey(newAuthorityKey());
const authority = createPublicKey(authorityKey);
const now = 1_800_000_000_000;
const seconds = now / 1000;

/** A certificate as somebody might write one who has the given key to sign with. */
function forged(parts: Partial<CertificateParts> = {}): Buffer {
  return sealParts({
    type: 'ssh-ed25519-cert-v01@openssh.com',
    publicKey: Buffer.alloc(32, 7),
    kind: 1,
    keyId: 'ada',
    principals: string('ada'),
    after: BigInt(seconds - 10),
    before: BigInt(seconds + 300),
    critical: option('identity@sluice', '{}'),
    extensions: Buffer.alloc(0),
    reserved: '',
    signer: authorityKey,
    signatureKey: null,
    signatureType: 'ssh-ed25519',
    tail: Buffer.alloc(0),
    ...parts,
  });
}

const check = (blob: Buffer, at = now) => checkCertificate(readCertificate(blob), authority, at);

describe('a certificate', () => {
  it('says whom it stands for when this authority issued it for now', () => {
    expect(check(forged())).toEqual({ identity: '{}', keyId: 'ada', publicKey: Buffer.alloc(32, 7) });
  });

  const other = generateKeyPairSync('ed25519').privateKey;
  it.each<[string, Partial<CertificateParts>, RegExp]>([
    ['of another authority', { signer: other }, /another authority/],
    [
      'that names this authority and is signed by another',
      { signer: other, signatureKey: publicBlob(authority) },
      /signature is wrong/,
    ],
    ['signed with a certificate', { signatureKey: forged() }, /another authority/],
    ['for hosts', { kind: 2 }, /not for users/],
    ['of another type', { type: 'ssh-rsa-cert-v01@openssh.com' }, /not of type/],
    ['that is a plain key', { type: 'ssh-ed25519' }, /not of type/],
    ['that has expired', { before: BigInt(seconds) }, /expired/],
    ['that is not valid yet', { after: BigInt(seconds + 1) }, /not valid yet/],
    ['that is valid forever', { before: 2n ** 64n - 1n }, /too long/],
    ['without principals, which elsewhere means all of them', { principals: Buffer.alloc(0) }, /one principal/],
    ['with an empty principal', { principals: string(''), keyId: '' }, /principal is not/],
    ['with two principals', { principals: Buffer.concat([string('ada'), string('root')]) }, /one principal/],
    ['whose principal holds a comma', { principals: string('ada,root') }, /principal is not/],
    [
      'with an unknown critical option',
      {
        critical: Buffer.concat([
          string('force-command'),
          string(string('x')),
          string('identity@sluice'),
          string(string('{}')),
        ]),
      },
      /unknown/,
    ],
    ['without an identity', { critical: Buffer.alloc(0) }, /identity/],
    [
      'that says two identities',
      {
        critical: Buffer.concat([
          string('identity@sluice'),
          string(string('{}')),
          string('identity@sluice'),
          string(string('{"a":1}')),
        ]),
      },
      /out of order/,
    ],
    ['whose key is too short', { publicKey: Buffer.alloc(31) }, /key is none/],
    ['whose signature claims another algorithm', { signatureType: 'ssh-ed448' }, /signature is wrong/],
    ['with something in its reserved field', { reserved: 'x' }, /reserved/],
    ['with something behind its end', { tail: Buffer.from('x') }, /behind its end/],
    ['whose name is not text', { keyId: 'a\0b' }, /text/],
  ])('%s is refused', (_, parts, why) => {
    expect(() => check(forged(parts))).toThrow(why);
  });

  it('is refused when any of its bytes is another', () => {
    const blob = forged();
    fc.assert(
      fc.property(fc.nat(blob.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(blob);
        changed[at] = (changed[at] ?? 0) ^ flip;
        expect(() => check(changed)).toThrow();
      }),
    );
  });

  it('is never anything but refused when its bytes are random', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(() => check(Buffer.from(bytes))).toThrow();
      }),
    );
  });
});

describe('the authority', () => {
  const user = generateKeyPairSync('ed25519').publicKey;
  const line = `ssh-ed25519 ${publicBlob(user).toString('base64')} me@here`;
  const made = new UserAuthority(newAuthorityKey());
  const blobOf = (certificate: string): Buffer => Buffer.from(certificate.split(' ')[1] ?? '', 'base64');

  it('issues certificates for minutes, and never beyond the login', () => {
    const issued = made.issue(line, { name: 'ada', identity: '{"a":"b"}', untilMs: now + 60_000 }, now);
    expect(issued.validBefore).toBe(seconds + 60);
    expect(made.identify(blobOf(issued.certificate), now)).toMatchObject({ identity: '{"a":"b"}', keyId: 'ada' });
    expect(() => made.identify(blobOf(issued.certificate), now + 61_000)).toThrow('expired');
    const long = made.issue(line, { name: 'ada', identity: '{}', untilMs: now + 86_400_000 }, now);
    expect(long.validBefore).toBe(seconds + 600);
  });

  it('leaves out of a principal what would make it two', () => {
    const issued = made.issue(line, { name: 'ada,root x', identity: '{}', untilMs: now + 60_000 }, now);
    expect(made.identify(blobOf(issued.certificate), now).keyId).toBe('ada_root_x');
  });

  it.each([
    '',
    'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7',
    'ssh-ed25519 AAAA',
    `ssh-ed25519 ${forged().toString('base64')}`,
  ])('takes no other keys than Ed25519 keys: %s', (key) => {
    expect(() => made.issue(key, { name: 'ada', identity: '{}', untilMs: now + 60_000 }, now)).toThrow('Ed25519');
  });

  it('writes what ssh-keygen reads the same way', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'sluice-certificate-'));
    const certificate = issueCertificate(
      { publicKey: Buffer.alloc(32, 9), keyId: 'ada', identity: '{}', validAfter: seconds, validBefore: seconds + 60 },
      authorityKey,
    );
    await writeFile(join(dir, 'key-cert.pub'), `${certificate}\n`);
    const { stdout } = await run('ssh-keygen', ['-L', '-f', join(dir, 'key-cert.pub')]);
    expect(stdout).toContain('ssh-ed25519-cert-v01@openssh.com user certificate');
    expect(stdout).toContain('Key ID: "ada"');
    expect(stdout).toContain('identity@sluice UNKNOWN OPTION');
    await rm(dir, { recursive: true });
  });

  it('refuses what ssh-keygen signs with another key', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'sluice-certificate-'));
    for (const name of ['ca', 'key']) await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, name)]);
    await run('ssh-keygen', ['-q', '-s', join(dir, 'ca'), '-I', 'ada', '-n', 'ada', '-V', '+5m', join(dir, 'key.pub')]);
    const text = await readFile(join(dir, 'key-cert.pub'), 'utf8');
    expect(() => made.identify(blobOf(text), Date.now())).toThrow('another authority');
    await rm(dir, { recursive: true });
  });
});
