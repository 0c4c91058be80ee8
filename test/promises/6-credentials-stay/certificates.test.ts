import { execFile } from 'node:child_process';
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { publicBlob, readCertificate } from '../../../src/protocols/ssh/login/certificate.js';
import { string } from '../../../src/protocols/ssh/sftp/codec.js';
import { message, openSession, payload, RawSsh, text } from '../../support/raw-ssh.js';
import { opensshPrivateKey, option, sealParts, type CertificateParts } from '../../support/ssh-certificates.js';
import { startSshLab, type SshLab } from '../../support/ssh-lab.js';
import { startSshd } from '../../support/sshd.js';

// Certificates at the gateway's own SSH listener. The attacker has the strongest hand there is: the authority's own key,
// so that everything is right but the one thing that each attack is about.

const run = promisify(execFile);
const certificateType = 'ssh-ed25519-cert-v01@openssh.com';
/** What the gateway's log says of logins. */
const refusals: string[] = [];
let lab: SshLab;
let dir: string;
let authority: KeyObject;
let privateKey: KeyObject;
/** What the gateway itself has issued for that key. */
let issued: Buffer;
let genuine: CertificateParts;
beforeAll(async () => {
  // Whatever else the gateway has to say meanwhile is about no login.
  const write = (line: string): void => {
    const { why } = JSON.parse(line) as { readonly why?: string };
    if (why !== undefined) refusals.push(why);
  };
  const log = pino({}, { write });
  lab = await startSshLab({ log });
  dir = await mkdtemp(join(tmpdir(), 'sluice-certificates-'));
  authority = createPrivateKey(await readFile(join(lab.gateway.stateDir, 'keys', 'ssh_user_ca.pem'), 'utf8'));
  privateKey = generateKeyPairSync('ed25519').privateKey;
  await writeFile(join(dir, 'ca'), opensshPrivateKey(authority), { mode: 0o600 });
  await writeFile(join(dir, 'key'), opensshPrivateKey(privateKey), { mode: 0o600 });
  const line = `ssh-ed25519 ${publicBlob(createPublicKey(privateKey)).toString('base64')}`;
  await writeFile(join(dir, 'key.pub'), `${line}\n`);
  const answer = await lab.gateway.call('POST', '/v1/ssh/certificate', { as: 'engineer', body: { public_key: line } });
  issued = Buffer.from(String(answer.document['certificate']).split(' ')[1] ?? '', 'base64');
  const { publicKey, type, keyId, validAfter, validBefore, criticalOptions } = readCertificate(issued);
  genuine = {
    ...{ type: certificateType, publicKey, kind: type, keyId, principals: string(keyId), after: validAfter },
    ...{ before: validBefore, critical: option('identity@sluice', criticalOptions.get('identity@sluice') ?? '') },
    ...{ extensions: Buffer.alloc(0), reserved: '', signer: authority, signatureKey: null },
    ...{ signatureType: 'ssh-ed25519', tail: Buffer.alloc(0) },
  };
});
afterAll(async () => {
  await lab.stop();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => void refusals.splice(0));

const forged = (parts: Partial<CertificateParts> = {}): Buffer => sealParts({ ...genuine, ...parts });
const asked = (blob: Buffer, algorithm: string, hasProof: boolean): Buffer =>
  payload(
    ...([message.userauthRequest, text('web-1'), text('ssh-connection'), text('publickey')] as const),
    ...[Buffer.from([hasProof ? 1 : 0]), text(algorithm), text(blob)],
  );

interface Came {
  /** What came of the login with the right proof, and of a channel that was opened whatever had come of it. */
  readonly login: number | null;
  readonly channel: number | null;
}

/** A login by hand over TCP with this certificate, and the proof of its key. */
async function loginWith(
  blob: Buffer,
  { algorithm = certificateType, key = privateKey }: { readonly algorithm?: string; readonly key?: KeyObject } = {},
): Promise<Came> {
  return talk(async (client) => {
    const request = asked(blob, algorithm, true);
    const proof = sign(null, Buffer.concat([text(client.sessionId), request]), key);
    client.send(Buffer.concat([request, text(Buffer.concat([text('ssh-ed25519'), text(proof)]))]));
    return client.until(message.userauthSuccess, message.userauthFailure, message.userauthPkOk);
  });
}

async function talk(login: (client: RawSsh) => Promise<Buffer | null>): Promise<Came> {
  const client = await RawSsh.connect(lab.gateway.gateway.sshPort ?? 0);
  try {
    client.send(payload(message.serviceRequest, text('ssh-userauth')));
    const answer = await login(client);
    client.send(openSession(1));
    const opened = await client.until(message.channelOpenConfirmation, message.channelOpenFailure);
    return { login: answer?.[0] ?? null, channel: opened?.[0] ?? null };
  } finally {
    client.end();
  }
}

const isIn: Came = { login: message.userauthSuccess, channel: message.channelOpenConfirmation };
const isOut: Came = { login: message.userauthFailure, channel: message.channelOpenFailure };

/** OpenSSH's ssh with this certificate; its exit status. */
async function openssh(
  certificate: Buffer | string,
): Promise<{ readonly code: number | null; readonly stdout: string }> {
  const line = typeof certificate === 'string' ? certificate : `${certificateType} ${certificate.toString('base64')}`;
  await writeFile(join(dir, 'shown-cert.pub'), `${line}\n`);
  const options = [
    ...['HostKeyAlias=sluice-gateway', `UserKnownHostsFile=${lab.knownHosts}`, 'StrictHostKeyChecking=yes'],
    ...['BatchMode=yes', 'LogLevel=ERROR', 'IdentitiesOnly=yes', 'IdentityAgent=none'],
    `CertificateFile=${join(dir, 'shown-cert.pub')}`,
  ].flatMap((each) => ['-o', each]);
  const where = ['-i', join(dir, 'key'), '-p', String(lab.gateway.gateway.sshPort), '-l', 'web-1', '127.0.0.1'];
  return lab.run('ssh', ['-F', '/dev/null', ...options, ...where, 'echo in']);
}

/** What ssh-keygen makes with the authority's key. */
async function keygen(...options: readonly string[]): Promise<string> {
  await rm(join(dir, 'key-cert.pub'), { force: true });
  await run('ssh-keygen', ['-q', '-s', join(dir, 'ca'), '-I', genuine.keyId, ...options, join(dir, 'key.pub')]);
  return (await readFile(join(dir, 'key-cert.pub'), 'utf8')).trim();
}
const blobOf = (line: string): Buffer => Buffer.from(line.split(' ')[1] ?? '', 'base64');
const identity = (): string => readCertificate(issued).criticalOptions.get('identity@sluice') ?? '';
const seconds = (): bigint => BigInt(Math.floor(Date.now() / 1000));

describe('the controls', () => {
  it('let in: what the gateway issued, the same written by hand, and the same made by ssh-keygen', async () => {
    expect(await loginWith(issued)).toEqual(isIn);
    expect(await loginWith(forged())).toEqual(isIn);
    const made = await keygen('-n', genuine.keyId, '-V', '-1m:+5m', '-O', 'clear', '-O', critical());
    expect(await loginWith(blobOf(made))).toEqual(isIn);
    expect(await openssh(made)).toMatchObject({ code: 0, stdout: 'in\n' });
    expect(refusals).toEqual(expect.not.arrayContaining([expect.stringMatching(/authority|signature/)]));
  });
});

const critical = (): string => `critical:identity@sluice=${identity()}`;

describe('a certificate that is wrong in one thing', () => {
  const stranger = generateKeyPairSync('ed25519').privateKey;
  const pair = (): { readonly intermediate: KeyObject; readonly certificate: Buffer } => {
    const intermediate = generateKeyPairSync('ed25519').privateKey;
    const { x = '' } = createPublicKey(intermediate).export({ format: 'jwk' });
    return { intermediate, certificate: forged({ publicKey: Buffer.from(x, 'base64url') }) };
  };
  it.each<[string, () => Partial<CertificateParts>, RegExp]>([
    ['another authority', () => ({ signer: stranger }), /another authority/],
    [
      'the authority’s name under another’s signature',
      () => ({ signer: stranger, signatureKey: publicBlob(createPublicKey(authority)) }),
      /signature is wrong/,
    ],
    ['signed by a key that the authority has certified', () => ({ signer: pair().intermediate }), /another authority/],
    [
      'nested: its signing key is itself a certificate of the authority',
      () => {
        const { intermediate, certificate } = pair();
        return { signer: intermediate, signatureKey: certificate };
      },
      /another authority/,
    ],
    [
      'nested: its signing key is the authority’s, inside of a certificate',
      () => {
        const { x = '' } = createPublicKey(authority).export({ format: 'jwk' });
        return { signatureKey: forged({ publicKey: Buffer.from(x, 'base64url') }) };
      },
      /another authority/,
    ],
    ['made for hosts', () => ({ kind: 2 }), /not for users/],
    ['of no kind', () => ({ kind: 0 }), /not for users/],
    ['expired', () => ({ after: seconds() - 600n, before: seconds() - 1n }), /expired/],
    ['expired at once', () => ({ after: seconds(), before: seconds() - 600n }), /expired/],
    ['not valid yet', () => ({ after: seconds() + 60n, before: seconds() + 600n }), /not valid yet/],
    ['valid for ever', () => ({ after: 0n, before: 2n ** 64n - 1n }), /too long/],
    ['for everyone: no principals', () => ({ principals: Buffer.alloc(0) }), /one principal/],
    [
      'with a second principal',
      () => ({ principals: Buffer.concat([string(genuine.keyId), string('root')]) }),
      /one principal/,
    ],
    ['with a comma in its principal', () => ({ principals: string(`${genuine.keyId},root`) }), /principal is not/],
    [
      'with a comma in both names',
      () => ({ keyId: 'root,reviewer', principals: Buffer.concat([string('root'), string('reviewer')]) }),
      /one principal/,
    ],
    ['for another principal', () => ({ principals: string('root') }), /principal is not/],
    [
      'with a critical option more',
      () => ({ critical: Buffer.concat([option('force-command', 'true'), genuine.critical]) }),
      /critical option "force-command" is unknown/,
    ],
    [
      'with a critical option that nobody knows',
      () => ({ critical: Buffer.concat([genuine.critical, option('zzz@attacker', '')]) }),
      /critical option "zzz@attacker" is unknown/,
    ],
    ['without an identity', () => ({ critical: Buffer.alloc(0) }), /identity/],
    ['its identity an extension', () => ({ critical: Buffer.alloc(0), extensions: genuine.critical }), /identity/],
    [
      'with two identities',
      () => ({ critical: Buffer.concat([genuine.critical, option('identity@sluice', '{}')]) }),
      /out of order/,
    ],
    ['with something in its reserved field', () => ({ reserved: 'x' }), /reserved/],
    ['with something behind its end', () => ({ tail: Buffer.from('x') }), /behind its end/],
    ['signed under the name of another algorithm', () => ({ signatureType: 'ssh-rsa' }), /signature is wrong/],
  ])('opens nothing: %s', async (_, parts, why) => {
    const blob = forged(parts());
    expect(await loginWith(blob)).toEqual(isOut);
    expect(refusals).toEqual([expect.stringMatching(why)]);
    // Offered, it is refused as well: nobody is asked to prove such a key.
    const offered = await talk(async (client) => {
      client.send(asked(blob, certificateType, false));
      return client.until(message.userauthFailure, message.userauthPkOk);
    });
    expect(offered).toEqual(isOut);
  });

  it('opens nothing with an identity that is none', async () => {
    for (const said of ['', 'null', '{}', '{"subject":"engineer"}', identity().slice(0, -1)]) {
      expect(await loginWith(forged({ critical: option('identity@sluice', said) }))).toEqual(isOut);
    }
  });

  const soon = ['-V', '-1m:+5m'];
  const named = (): readonly string[] => ['-n', genuine.keyId];
  it.each<[string, () => readonly string[], RegExp]>([
    ['for hosts', () => ['-h', ...named(), ...soon], /not for users/],
    ['for all principals', () => [...soon, '-O', critical()], /one principal/],
    ['for several', () => ['-n', `${genuine.keyId},root`, ...soon, '-O', critical()], /one principal/],
    ['that has expired', () => [...named(), '-V', '-10m:-1m', '-O', critical()], /expired/],
    ['that is not valid yet', () => [...named(), '-V', '+10m:+20m', '-O', critical()], /not valid yet/],
    ['without an end', () => [...named(), '-O', critical()], /too long/],
    ['without an identity', () => [...named(), ...soon], /identity/],
    [
      'with a command that it is bound to',
      () => [...named(), ...soon, '-O', critical(), '-O', 'force-command=true'],
      /"force-command" is unknown/,
    ],
    [
      'with addresses that it is bound to',
      () => [...named(), ...soon, '-O', critical(), '-O', 'source-address=10.0.0.0/8'],
      /"source-address" is unknown/,
    ],
    [
      'that wants a person at its key',
      () => [...named(), ...soon, '-O', critical(), '-O', 'verify-required'],
      /"verify-required" is unknown/,
    ],
  ])('opens nothing when ssh-keygen makes one %s', async (_, options, why) => {
    const made = await keygen(...options());
    expect(await loginWith(blobOf(made))).toEqual(isOut);
    expect(refusals).toEqual([expect.stringMatching(why)]);
    expect(await openssh(made)).toMatchObject({ code: 255, stdout: '' });
  });
});

describe('a certificate of another type', () => {
  it.each(['rsa', 'ecdsa'])('opens nothing: %s, signed by the authority', async (type) => {
    const file = join(dir, type);
    await run('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', file]);
    const names = ['-I', genuine.keyId, '-n', genuine.keyId, '-V', '-1m:+5m', '-O', 'clear', '-O', critical()];
    await run('ssh-keygen', ['-q', '-s', join(dir, 'ca'), ...names, `${file}.pub`]);
    const options = [
      ...['HostKeyAlias=sluice-gateway', `UserKnownHostsFile=${lab.knownHosts}`, 'BatchMode=yes', 'LogLevel=ERROR'],
      ...['IdentitiesOnly=yes', 'IdentityAgent=none', `CertificateFile=${file}-cert.pub`],
    ].flatMap((each) => ['-o', each]);
    const where = ['-i', file, '-p', String(lab.gateway.gateway.sshPort), '-l', 'web-1', '127.0.0.1'];
    expect(await lab.run('ssh', ['-F', '/dev/null', ...options, ...where, 'echo in'])).toMatchObject({
      code: 255,
      stdout: '',
    });
    expect(refusals).toContainEqual(expect.stringMatching(/-cert-v01@openssh\.com" was offered/));
  });

  it('opens nothing under the name of another: what it is called and what it is must be the same', async () => {
    const plain = publicBlob(createPublicKey(privateKey));
    expect(await loginWith(issued, { algorithm: 'ssh-ed25519' })).toEqual(isOut);
    expect(await loginWith(plain)).toEqual(isOut);
    for (const algorithm of ['rsa-sha2-512-cert-v01@openssh.com', 'sk-ssh-ed25519-cert-v01@openssh.com', 'none', ''])
      expect(await loginWith(issued, { algorithm })).toEqual(isOut);
  });
});

describe('a right certificate', () => {
  it('opens nothing by being offered, once or often, nor without its signature', async () => {
    const offered = await talk(async (client) => {
      client.send(asked(issued, certificateType, false));
      return client.until(message.userauthFailure, message.userauthPkOk);
    });
    expect(offered).toEqual({ login: message.userauthPkOk, channel: message.channelOpenFailure });
    // Asked again and again, it is not let in sooner or later, but let go.
    const often = await talk(async (client) => {
      for (let each = 0; each < 20; each++) client.send(asked(issued, certificateType, false));
      return client.until(message.userauthFailure, message.userauthSuccess);
    });
    expect(often).toEqual({ login: null, channel: null });
    // The flag says that a signature follows, and none does, or an empty one, or none of a key.
    const signatures = [Buffer.alloc(0), text(''), text(text('ssh-ed25519')), text(Buffer.alloc(83))];
    for (const signature of signatures) {
      const came = await talk(async (client) => {
        client.send(Buffer.concat([asked(issued, certificateType, true), signature]));
        return client.until(message.userauthSuccess, message.userauthFailure, message.userauthPkOk);
      });
      expect(came.login).not.toBe(message.userauthSuccess);
      expect(came.login).not.toBe(message.userauthPkOk);
      expect(came.channel).not.toBe(message.channelOpenConfirmation);
    }
  });

  it('opens nothing with the proof of another key, or of another connection', async () => {
    expect(await loginWith(issued, { key: generateKeyPairSync('ed25519').privateKey })).toEqual(isOut);
    const request = asked(issued, certificateType, true);
    const elsewhere = sign(null, Buffer.concat([text(Buffer.alloc(32)), request]), privateKey);
    const replayed = await talk(async (client) => {
      client.send(Buffer.concat([request, text(Buffer.concat([text('ssh-ed25519'), text(elsewhere)]))]));
      return client.until(message.userauthSuccess, message.userauthFailure);
    });
    expect(replayed).toEqual(isOut);
  });

  it('is no login at another server that trusts the gateway’s authority', async () => {
    const authorityLine = `ssh-ed25519 ${publicBlob(createPublicKey(authority)).toString('base64')}\n`;
    const other = await startSshd({
      async lines(own) {
        await writeFile(join(own, 'ca.pub'), authorityLine);
        await writeFile(join(own, 'principals'), `${genuine.keyId}\n`);
        return [
          ...['AuthorizedKeysFile none', `TrustedUserCAKeys ${join(own, 'ca.pub')}`, 'LogLevel VERBOSE'],
          `AuthorizedPrincipalsFile ${join(own, 'principals')}`,
        ];
      },
    });
    try {
      const to = async (certificate: Buffer): Promise<number | null> => {
        const shown = join(dir, 'elsewhere-cert.pub');
        await writeFile(shown, `${certificateType} ${certificate.toString('base64')}\n`);
        const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'BatchMode=yes', 'LogLevel=ERROR'];
        const all = [...options, 'IdentitiesOnly=yes', 'IdentityAgent=none', `CertificateFile=${shown}`];
        const words = [...all.flatMap((each) => ['-o', each]), '-i', join(dir, 'key'), '-p', String(other.port)];
        return (await lab.run('ssh', ['-F', '/dev/null', ...words, '-l', other.user, '127.0.0.1', 'true'])).code;
      };
      expect(await to(issued)).toBe(255);
      const said = 'critical option "identity@sluice" is not supported';
      await expect.poll(() => other.log(), { timeout: 60_000 }).toContain(said);
      // The control: it is that option alone that keeps it out.
      expect(await to(forged({ critical: Buffer.alloc(0) }))).toBe(0);
    } finally {
      await other.stop();
    }
  });
});

describe('a login of another kind', () => {
  it.each<[string, () => Buffer]>([
    ['none', () => Buffer.alloc(0)],
    ['password', () => Buffer.concat([Buffer.from([0]), text('correct horse')])],
    ['keyboard-interactive', () => Buffer.concat([text(''), text('')])],
    [
      'hostbased',
      () => {
        const signature = text(Buffer.concat([text('ssh-ed25519'), text(Buffer.alloc(64))]));
        return Buffer.concat([text(certificateType), text(issued), text('web-1'), text('root'), signature]);
      },
    ],
  ])('opens nothing: %s', async (method, fields) => {
    const came = await talk(async (client) => {
      client.send(payload(message.userauthRequest, text('web-1'), text('ssh-connection'), text(method), fields()));
      const answer = await client.until(message.userauthSuccess, message.userauthFailure, message.userauthPkOk);
      // What is left to try is named: a proof of a key, and nothing else.
      expect(answer?.subarray(1)).toEqual(Buffer.concat([text('publickey'), Buffer.from([0])]));
      return answer;
    });
    expect(came).toEqual(isOut);
  });

  it('opens nothing before any login, or for another service', async () => {
    expect(await talk(() => Promise.resolve(null))).toEqual({
      login: null,
      channel: message.channelOpenFailure,
    });
    const service = await talk(async (client) => {
      client.send(payload(message.userauthRequest, text('web-1'), text('ssh-other'), text('none')));
      return client.until(message.userauthSuccess, message.userauthFailure);
    });
    expect(service).toEqual({ login: null, channel: null });
  });

  it('left no session behind', async () => {
    const sessions = await lab.sessions();
    expect(sessions.every(({ state }) => state !== 'live')).toBe(true);
    // Those of the controls.
    expect(sessions.length).toBe(4);
  });
});
