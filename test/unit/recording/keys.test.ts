import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { publishedKeys, readPublicKeys } from '../../../src/recording/keys.js';
import { rotateKeyFile } from '../../../src/recording/signing-keys.js';
import { verifyAll } from '../../../src/recording/verify-all.js';
import { opening, recordSession, startOfTime, startRecorder, statement, tempDir } from './support.js';

const work = [statement(1, 'select 1')];

function newPem(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** What a crash would leave: everything as it is now, without the lock. */
async function crashed(dir: string): Promise<string> {
  const after = await tempDir();
  await cp(dir, after, { recursive: true });
  await rm(join(after, 'recordings', 'lock.db'));
  return after;
}

describe('signing keys', () => {
  it('change while sessions are open; old ones go on with theirs, and all verify by the first key alone', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    const [first] = await recorder.keys();
    const before = await recordSession(recorder, work);
    const live = await recorder.openSession(opening());
    const id = await recorder.rotateKey();
    expect(await recorder.keys()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ id: first?.id, state: 'retired' }),
        expect.objectContaining({ id, state: 'active' }),
      ]),
    );
    const after = await recordSession(recorder, work);
    await live.close('client closed', '');
    const verdict = await recorder.verifyAll();
    expect(verdict).toMatchObject({ valid: true });
    expect(verdict.sessions.map((session) => session.id).sort()).toEqual([before, after, live.session].sort());

    const trusted = join(await tempDir(), 'first.pem');
    await writeFile(trusted, first?.public_key_pem ?? '');
    const keys = await readPublicKeys([trusted]);
    expect(await verifyAll(join(dir, 'recordings'), { keys })).toMatchObject({ valid: true });
  });

  it('are read from files alone: a pipe, a link or a mountain beside them keeps nobody waiting', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    await recordSession(recorder, work);
    await recorder.close();
    const recordings = join(dir, 'recordings');
    const [known] = (await publishedKeys(recordings)).keys();
    const beside = (letter: string): string => join(recordings, 'keys', `key_${letter.repeat(16)}.pub.pem`);
    execFileSync('mkfifo', [beside('a')]);
    await symlink('/dev/zero', beside('b'));
    await symlink('nowhere', beside('c'));
    await mkdir(beside('d'));
    expect([...(await publishedKeys(recordings)).keys()]).toEqual([known]);
    expect(await verifyAll(recordings)).toMatchObject({ valid: true });
  });

  it('trust no key that a trusted one did not introduce', async () => {
    const [mine, forged] = [await tempDir(), await tempDir()];
    const { recorder } = await startRecorder(mine);
    const pem = (await recorder.keys())[0]?.public_key_pem ?? '';
    const { recorder: forger } = await startRecorder(forged);
    await forger.rotateKey();
    await recordSession(forger, work);
    const trusted = join(mine, 'trusted.pem');
    await writeFile(trusted, pem);
    const verdict = await verifyAll(join(forged, 'recordings'), { keys: await readPublicKeys([trusted]) });
    expect(verdict).toMatchObject({ valid: false, ledger: { valid: false } });
    expect(verdict.ledger.problem).toContain('a key that is not known');
  });

  it('end journals of the old key after a crash, then forget its private half', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    const live = await recorder.openSession(opening());
    live.append(statement(1, 'select 1')[0] ?? opening());
    void live.commit();
    const [old] = await recorder.keys();
    await recorder.rotateKey();
    const after = await crashed(dir);
    expect(await readdir(join(after, 'keys', 'retired'))).toEqual([`${old?.id}.pem`]);
    const { recorder: next, problems } = await startRecorder(after);
    expect(problems).toEqual([]);
    expect(await next.verifyAll()).toMatchObject({ valid: true, sessions: [{ id: live.session, closed: true }] });
    expect(await readdir(join(after, 'keys', 'retired'))).toEqual([]);
    expect(await next.keys()).toHaveLength(2);
  });

  it('can be changed while no gateway runs', async () => {
    const dir = await tempDir();
    const places = { keysDir: join(dir, 'keys'), recordingsDir: join(dir, 'recordings') };
    const { recorder } = await startRecorder(dir);
    const before = await recordSession(recorder, work);
    const [first] = await recorder.keys();
    await recorder.close();
    const { id } = await rotateKeyFile(places);
    const { recorder: next } = await startRecorder(dir);
    await recordSession(next, work, opening({ at: startOfTime + 1 }));
    expect((await next.keys()).find(({ state }) => state === 'active')?.id).toBe(id);
    const trusted = join(dir, 'first.pem');
    await writeFile(trusted, first?.public_key_pem ?? '');
    expect(await verifyAll(places.recordingsDir, { keys: await readPublicKeys([trusted]) })).toMatchObject({
      valid: true,
      sessions: [{ id: before }, {}],
    });
  });

  it('come from elsewhere as PEM, the newest first, and are then in no file of ours', async () => {
    const dir = await tempDir();
    const [old, young] = [newPem(), newPem()];
    const from = 'the variable SLUICE_KEY';
    const { recorder } = await startRecorder(dir, { signingKeys: { pem: old, from } });
    const live = await recorder.openSession(opening());
    expect(() => recorder.rotateKey()).toThrow(/comes from the variable SLUICE_KEY/);
    const after = await crashed(dir);
    const { recorder: next, problems } = await startRecorder(after, { signingKeys: { pem: `${young}\n${old}`, from } });
    expect(problems).toEqual([]);
    expect(await next.verifyAll()).toMatchObject({ valid: true, sessions: [{ id: live.session, closed: true }] });
    expect(await next.keys()).toHaveLength(2);
    await expect(stat(join(after, 'keys', 'recording-ed25519.pem'))).rejects.toThrow('ENOENT');
    for (const pem of ['', 'nonsense', newRsa()]) {
      const error = await startRecorder(await tempDir(), { signingKeys: { pem, from } }).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ code: 'config_invalid', message: expect.stringContaining(from) as string });
    }
  });

  it('are made whole or not at all, and for the owner alone', async () => {
    const dir = await tempDir();
    await startRecorder(dir);
    const path = join(dir, 'keys', 'recording-ed25519.pem');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readdir(join(dir, 'keys'))).filter((name) => name !== 'ledger.anchor')).toEqual([
      'recording-ed25519.pem',
    ]);
    expect(await readFile(path, 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  });
});

function newRsa(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
