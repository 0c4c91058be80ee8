import { execFile, execFileSync } from 'node:child_process';
import { createPrivateKey, sign, type KeyObject } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ssh2 from 'ssh2';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Role } from './gateway-harness.js';
import { openStore } from '../../src/store/open.js';
import { message, openSession, payload, RawSsh, text } from '../support/raw-ssh.js';
import { openPolicy, startSshLab, type Ended, type SshLab } from '../support/ssh-lab.js';

const run = promisify(execFile);
const minute = 60_000;
let aheadMs = 0;
let isClosed = false;
let lab: SshLab;
let dir: string;
let key: string;
beforeAll(async () => {
  lab = await startSshLab({ clock: () => Date.now() + aheadMs, seenWithinMinutes: 60 });
  dir = await mkdtemp(join(tmpdir(), 'sluice-ssh-keys-'));
  key = await makeKey('mine');
}, 60_000);
afterAll(async () => {
  await lab.stop();
  await rm(dir, { recursive: true, force: true });
});
afterEach(async () => {
  aheadMs = 0;
  if (isClosed) return;
  lab.apply(openPolicy);
  for (const as of ['engineer', 'reviewer'] as const)
    for (const { id } of await keysOf(as)) await lab.gateway.call('DELETE', `/v1/ssh/keys/${id}`, { as });
});

interface ListedKey {
  readonly id: string;
  readonly fingerprint: string;
  readonly used_at: string | null;
}

async function makeKey(name: string, type = 'ed25519'): Promise<string> {
  const file = join(dir, name);
  await run('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', `${name}@laptop`, '-f', file]);
  return file;
}

async function keysOf(as: Role): Promise<readonly ListedKey[]> {
  return (await lab.gateway.call('GET', '/v1/ssh/keys', { as })).document['keys'] as readonly ListedKey[];
}

/** `ssh-keygen -Y sign`, as the command line has it done. */
function prove(file: string, statement: string, namespace = 'sluice-ssh-key'): string {
  const args = ['-q', '-Y', 'sign', '-n', namespace, '-f', file];
  return execFileSync('ssh-keygen', args, { input: statement, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] });
}

async function register(
  as: Role,
  file: string,
  more: { readonly proof?: string; readonly expires_at?: string } = {},
): Promise<{ readonly status: number; readonly document: Readonly<Record<string, unknown>> }> {
  const { statement } = (await lab.gateway.call('GET', '/v1/ssh/keys', { as })).document;
  const body = {
    public_key: await readFile(`${file}.pub`, 'utf8'),
    proof: more.proof ?? prove(file, String(statement)),
    label: 'mine@laptop',
    expires_at: more.expires_at ?? null,
  };
  return lab.gateway.call('POST', '/v1/ssh/keys', { as, body });
}

function native(command: string, identity = key, login = 'web-1'): Promise<Ended> {
  const options = [
    ...['HostKeyAlias=sluice-gateway', `UserKnownHostsFile=${lab.knownHosts}`, 'StrictHostKeyChecking=yes'],
    ...['BatchMode=yes', 'LogLevel=INFO', 'IdentitiesOnly=yes', 'IdentityAgent=none'],
  ].flatMap((option) => ['-o', option]);
  const port = String(lab.gateway.gateway.sshPort);
  return lab.run('ssh', ['-F', '/dev/null', ...options, '-i', identity, '-p', port, '-l', login, '127.0.0.1', command]);
}

describe('a registered key', () => {
  it('is a login of OpenSSH, as the person and in their groups, and stands in record and trail', async () => {
    expect((await native('echo before')).code).toBe(255);
    lab.apply(`permit (principal in Group::"dba", action, resource);\n`);
    expect((await register('reviewer', key)).status).toBe(200);
    expect((await native('echo by key')).stdout).toBe('by key\n');
    // The other person's groups have nothing here, so their key does not either.
    const other = await makeKey('other');
    expect((await register('engineer', other)).status).toBe(200);
    expect((await native('echo no', other)).code).toBe(255);
    lab.apply(openPolicy);
    const [session] = await lab.sessions();
    const [open] = await lab.events(session?.id ?? '');
    const [listed] = await keysOf('reviewer');
    expect(open).toMatchObject({
      identity: { name: 'reviewer@demo.example', groups: ['dba'] },
      client: { via: 'listener' },
      meta: { ssh_key: listed?.fingerprint },
    });
    expect(listed?.used_at).not.toBeNull();
  });

  it('opens nothing once it is removed, and ends what came with it', async () => {
    await register('engineer', key);
    const running = native('echo in; sleep 30');
    for (;;) {
      const { document } = await lab.gateway.call('GET', '/v1/sessions?target=web-1&state=live', { as: 'engineer' });
      if ((document['sessions'] as readonly { operations: number }[]).some(({ operations }) => operations > 0)) break;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    const [{ id } = { id: '' }] = await keysOf('engineer');
    // Nobody takes away what is not theirs.
    expect((await lab.gateway.call('DELETE', `/v1/ssh/keys/${id}`, { as: 'reviewer' })).status).toBe(404);
    expect((await native('echo still')).stdout).toBe('still\n');
    const removed = await lab.gateway.call('DELETE', `/v1/ssh/keys/${id}`, { as: 'engineer' });
    expect(removed.document['keys']).toEqual([]);
    expect((await running).code).toBe(230);
    expect((await native('echo no')).code).toBe(255);
  });

  it('opens nothing once it has expired', async () => {
    await register('engineer', key, { expires_at: new Date(Date.now() + 30 * minute).toISOString() });
    expect((await native('echo in time')).stdout).toBe('in time\n');
    aheadMs = 31 * minute;
    await lab.gateway.call('GET', '/v1/whoami', { as: 'engineer' });
    expect((await native('echo no')).code).toBe(255);
    aheadMs = 0;
    const past = new Date(Date.now() - minute).toISOString();
    expect((await register('engineer', await makeKey('late'), { expires_at: past })).status).toBe(400);
  });

  it('opens nothing once its owner has not been seen for long, and says so to who has proved it', async () => {
    await register('engineer', key);
    aheadMs = 62 * minute;
    const { code, stderr } = await native('echo no');
    expect(code).toBe(255);
    expect(stderr).toContain('sluice: gateway: your key is right, but you have not been seen here within 60 minutes');
    expect(stderr).toContain('sluice login');
    // Who does not have it hears nothing of the kind.
    expect((await native('echo no', await makeKey('stranger'))).stderr).not.toContain('sluice');
    aheadMs = 0;
    expect((await native('echo again')).stdout).toBe('again\n');
  });

  it('follows bindings, and hides targets like every login', async () => {
    await register('engineer', key);
    lab.apply(`${openPolicy}@id("out") forbid (principal, action == Action::"connect", resource);\n`);
    expect((await native('echo no')).code).toBe(255);
    expect((await native('echo no', key, 'nobody')).code).toBe(255);
  });
});

describe('registering', () => {
  it('needs a proof: somebody else’s public key is nobody’s', async () => {
    const { statement } = (await lab.gateway.call('GET', '/v1/ssh/keys', { as: 'engineer' })).document;
    const stranger = await makeKey('attacker');
    const proofs = [
      '',
      prove(stranger, String(statement)),
      prove(key, String(statement), 'file'),
      prove(key, `${String(statement)} `),
      // What somebody else signed for themselves.
      prove(key, String((await lab.gateway.call('GET', '/v1/ssh/keys', { as: 'reviewer' })).document['statement'])),
    ];
    for (const proof of proofs) expect((await register('engineer', key, { proof })).status).toBe(400);
    expect(await keysOf('engineer')).toEqual([]);
    expect((await native('echo no')).code).toBe(255);
  });

  it('takes a key once, of people, and Ed25519 keys alone', async () => {
    expect((await register('engineer', key)).status).toBe(200);
    expect((await register('engineer', key)).status).toBe(409);
    expect((await register('reviewer', key)).status).toBe(409);
    expect((await register('robot', await makeKey('machine'))).status).toBe(403);
    expect((await register('engineer', await makeKey('rsa', 'rsa'))).status).toBe(400);
  });
});

describe('what was not proved', () => {
  let privateKey: KeyObject;
  let blob: Buffer;
  beforeAll(async () => {
    const parsed = ssh2.utils.parseKey(await readFile(key));
    if (parsed instanceof Error || Array.isArray(parsed)) throw new Error('no key');
    blob = parsed.getPublicSSH();
    privateKey = createPrivateKey(parsed.getPrivatePEM());
  });

  const asked = (hasProof: boolean): Buffer =>
    payload(
      message.userauthRequest,
      ...[text('web-1'), text('ssh-connection'), text('publickey')],
      ...[Buffer.from([hasProof ? 1 : 0]), text('ssh-ed25519'), text(blob)],
    );
  const seal = (signature: Buffer): Buffer => text(Buffer.concat([text('ssh-ed25519'), text(signature)]));
  const signed = (client: RawSsh, over = asked(true)): Buffer =>
    sign(null, Buffer.concat([text(client.sessionId), over]), privateKey);

  /** What comes of a login by hand: so many offers, then a proof, then a channel as if that had been one. */
  async function answerTo(proof: (client: RawSsh) => Buffer | null, offers = 0): Promise<string> {
    const client = await RawSsh.connect(lab.gateway.gateway.sshPort ?? 0);
    try {
      client.send(payload(message.serviceRequest, text('ssh-userauth')));
      for (let offer = 0; offer < offers; offer++) {
        client.send(asked(false));
        await client.until(message.userauthPkOk, message.userauthFailure);
      }
      const given = proof(client);
      if (given !== null) client.send(Buffer.concat([asked(true), given]));
      client.send(openSession(1));
      const found = await client.until(
        ...[message.userauthSuccess, message.channelOpenConfirmation],
        ...(given === null ? [message.channelOpenFailure] : [message.userauthFailure]),
      );
      const isIn = found?.[0] === message.userauthSuccess || found?.[0] === message.channelOpenConfirmation;
      return isIn ? 'in' : 'refused';
    } finally {
      client.end();
    }
  }

  it('lets nobody in', async () => {
    await register('engineer', key);
    expect(await answerTo(() => null, 1)).toBe('refused');
    expect(await answerTo(() => null, 3)).toBe('refused');
    const wrong: readonly ((client: RawSsh) => Buffer)[] = [
      () => text(''),
      () => seal(Buffer.alloc(64)),
      (client) => seal(signed(client).subarray(0, 63)),
      (client) => text(signed(client)).subarray(0, 40),
      // For another user, another method, and another connection.
      (client) => seal(signed(client, Buffer.concat([asked(true), Buffer.from('x')]))),
      (client) => seal(signed(client, asked(false))),
      () => seal(sign(null, Buffer.concat([text(Buffer.alloc(32)), asked(true)]), privateKey)),
    ];
    for (const proof of wrong) {
      expect(await answerTo(proof)).toBe('refused');
      expect(await answerTo(proof, 1)).toBe('refused');
    }
    // The control: the same with the right proof, offered before or not.
    expect(await answerTo((client) => seal(signed(client)))).toBe('in');
    expect(await answerTo((client) => seal(signed(client)), 1)).toBe('in');
  });

  it('is not told apart from a key that nobody has registered', async () => {
    expect(await answerTo((client) => seal(signed(client)))).toBe('refused');
    expect(await lab.sessions()).toEqual(expect.not.arrayContaining([expect.objectContaining({ state: 'live' })]));
  });
});

describe('the trail', () => {
  it('has every key that was added, refused, and removed, and whose', async () => {
    isClosed = true;
    await lab.gateway.gateway.close({ graceMs: 1_000 });
    const store = openStore(join(lab.gateway.stateDir, 'state.db'));
    const entries = store.audit.list({ limit: 1000 }).filter(({ action }) => action.startsWith('ssh.key.'));
    store.close();
    const told = entries.map(({ action, object, outcome }) => `${action} ${object} ${outcome}`);
    expect(new Set(told)).toEqual(
      new Set([
        'ssh.key.add engineer@demo.example done',
        'ssh.key.add engineer@demo.example failed',
        'ssh.key.add reviewer@demo.example done',
        'ssh.key.add reviewer@demo.example failed',
        'ssh.key.add robot refused',
        'ssh.key.remove engineer@demo.example done',
        'ssh.key.remove reviewer@demo.example done',
        'ssh.key.remove reviewer@demo.example failed',
      ]),
    );
    expect(entries.at(-1)?.detail).toMatchObject({ public_key: expect.stringMatching(/^ssh-ed25519 /) as unknown });
  });
});
