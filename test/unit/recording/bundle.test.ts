import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { newId } from '../../../src/lib/ids.js';
import { openBundle, verifyBundle } from '../../../src/recording/bundle/verify-bundle.js';
import { newIdentity } from '../../../src/recording/encryption/recipients.js';
import { keyId, publishedKeys } from '../../../src/recording/keys.js';
import { readEvents } from '../../../src/recording/read.js';
import type { GatewayRecorder } from '../../../src/recording/types.js';
import { ManualTime, opening, recordSession, startRecorder, statement, tempDir } from './support.js';

async function save(recorder: GatewayRecorder, id: string, dir: string): Promise<string> {
  const bundle = await recorder.bundle(id);
  if (bundle === null) throw new Error('there is no bundle');
  const path = join(dir, `${id}.sluice`);
  await pipeline(Readable.from(bundle), createWriteStream(path));
  return path;
}

describe('a bundle', () => {
  it('holds one session with its proofs, opens with tar, and verifies alone', async () => {
    const dir = await tempDir();
    const { recorder, options } = await startRecorder(dir);
    const sessions = await Promise.all(
      [1, 2, 3].map((n) => recordSession(recorder, [statement(1, `select ${n}`)], opening({ session: newId('ses') }))),
    );
    const id = sessions[1] ?? '';
    const path = await save(recorder, id, dir);
    expect(await verifyBundle(path, null)).toMatchObject({
      ...{ valid: true, sessions: [{ id, valid: true, closed: true }], ledger: { valid: true } },
    });
    expect(await verifyBundle(path, await publishedKeys(options.dir))).toMatchObject({ valid: true });
    const out = join(dir, 'out');
    await mkdir(out);
    execFileSync('tar', ['-xf', path, '-C', out]);
    const journal = await readFile(join(out, `${id}.journal`));
    expect(journal.equals(await readFile((await recorder.journal(id))?.path ?? ''))).toBe(true);
    const [key = ''] = [...(await publishedKeys(options.dir)).keys()];
    execFileSync('python3', [
      ...['scripts/verify-recording.py', join(out, `${id}.journal`)],
      ...['--key', join(out, 'keys', `${key}.pub.pem`)],
    ]);
    const events = [];
    for await (const event of readEvents((await openBundle(path)).journal())) events.push(event);
    expect(events).toHaveLength(5);
  });

  it('is made of sealed and encrypted sessions too, and of no live one', async () => {
    const dir = await tempDir();
    const time = new ManualTime();
    const { recorder } = await startRecorder(dir, { clock: time.clock, schedule: time.schedule, sealAfterDays: 0 });
    const sealed = await recordSession(recorder, [statement(1, 'select 1')]);
    time.now += 86_400_000;
    expect(await recorder.upkeep()).toMatchObject({ sealed: 1 });
    expect(await verifyBundle(await save(recorder, sealed, dir), null)).toMatchObject({ valid: true });
    const live = await recorder.openSession(opening());
    await expect(recorder.bundle(live.session)).rejects.toThrow('has not ended');
    expect(await recorder.bundle('ses_0000000000000000')).toBeNull();
    await live.close('client closed', '');

    const other = await tempDir();
    const encrypted = await startRecorder(other, { recipients: [newIdentity(new Date()).recipient] });
    const id = await recordSession(encrypted.recorder, [statement(1, 'select 1')]);
    expect(await verifyBundle(await save(encrypted.recorder, id, other), null)).toMatchObject({ valid: true });
  });

  it('verifies with the first key when others have followed it, and with no stranger', async () => {
    const dir = await tempDir();
    const { recorder, options } = await startRecorder(dir);
    const first = await publishedKeys(options.dir);
    const old = await recordSession(recorder, [statement(1, 'select 0')], opening({ session: newId('ses') }));
    for (let rotated = 0; rotated < 2; rotated++) await recorder.rotateKey();
    const id = await recordSession(recorder, [statement(1, 'select 1')], opening({ session: newId('ses') }));
    await recorder.rotateKey();
    const path = await save(recorder, id, dir);
    expect((await openBundle(path)).introduced).toHaveLength(2);
    expect(await verifyBundle(path, first)).toMatchObject({ valid: true, ledger: { valid: true } });
    expect(await verifyBundle(await save(recorder, old, dir), first)).toMatchObject({ valid: true });
    const { publicKey: stranger } = generateKeyPairSync('ed25519');
    expect(await verifyBundle(path, new Map([[keyId(stranger), stranger]]))).toMatchObject({ valid: false });
    // The second key vouches for the third, and nobody for the first.
    const all = await publishedKeys(options.dir);
    const later = [...(await recorder.keys())].filter(({ id: key }) => !first.has(key)).map(({ id: key }) => key);
    const verdicts = await Promise.all(
      later.map(async (key) => (await verifyBundle(path, new Map([...all].filter(([each]) => each === key)))).valid),
    );
    expect(verdicts.filter((valid) => valid)).toHaveLength(2);
  });

  it('shows a change of any part of it, and that another gateway made it', async () => {
    const dir = await tempDir();
    const { recorder, options } = await startRecorder(dir);
    const id = await recordSession(recorder, [statement(1, 'select 1')]);
    const path = await save(recorder, id, dir);
    const trusted = await publishedKeys(options.dir);
    const whole = await readFile(path);
    // Entries begin at blocks of 512 bytes with their name; what they hold may name others.
    const entry = (name: string): number => {
      let block = 0;
      while (!whole.subarray(block).toString('latin1', 0, name.length).startsWith(name)) block += 512;
      return block + 512;
    };
    for (const name of ['ledger/opened', 'ledger/closed', `${id}.journal`]) {
      const length = Number.parseInt(whole.toString('latin1', entry(name) - 388, entry(name) - 377), 8);
      expect(length).toBeGreaterThan(0);
      for (let at = 0; at < length; at += 3) {
        const changed = Buffer.from(whole);
        changed[entry(name) + at] = (whole[entry(name) + at] ?? 0) ^ 0x10;
        await writeFile(path, changed);
        expect((await verifyBundle(path, trusted)).valid, `${name} ${at}`).toBe(false);
      }
    }
    for (let cut = 100; cut < whole.length; cut += 997) {
      await writeFile(path, whole.subarray(0, cut));
      const verdict = await verifyBundle(path, trusted).then(
        ({ valid }) => valid,
        () => false,
      );
      if (whole.length - cut > 1024) expect(verdict).toBe(false); // behind that there are only zeros
    }
    await writeFile(path, whole);
    const stranger = createPublicKey(generateKeyPairSync('ed25519').privateKey);
    expect((await verifyBundle(path, new Map([[keyId(stranger), stranger]]))).valid).toBe(false);
  });

  it('does not take the proofs of another session', async () => {
    const dir = await tempDir();
    const { recorder } = await startRecorder(dir);
    const [first, second] = [
      await recordSession(recorder, [statement(1, 'select 1')]),
      await recordSession(recorder, [statement(1, 'select 1')]),
    ];
    const [mine, theirs] = [
      await readFile(await save(recorder, first, dir)),
      await readFile(await save(recorder, second, dir)),
    ];
    const journalAt = mine.indexOf(`${first}.journal`);
    const mixed = Buffer.concat([theirs.subarray(0, theirs.indexOf(`${second}.journal`)), mine.subarray(journalAt)]);
    const path = join(dir, 'mixed.sluice');
    await writeFile(path, mixed);
    const verdict = await verifyBundle(path, null);
    expect(verdict.valid).toBe(false);
    expect(verdict.sessions[0]?.problem?.message).toContain('the ledger saw no such journal');
  });
});
