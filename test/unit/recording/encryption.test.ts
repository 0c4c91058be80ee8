import { execFileSync } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isSluiceError } from '../../../src/lib/errors.js';
import {
  newIdentity,
  parseIdentity,
  parseRecipient,
  readIdentityFile,
  readRecipients,
} from '../../../src/recording/encryption/recipients.js';
import { unwrapSessionKey } from '../../../src/recording/encryption/session-key.js';
import type { SessionEvent } from '../../../src/recording/events.js';
import { readEvents, readRecipientsRecord, type OpenSessionKey } from '../../../src/recording/read.js';
import { verifyAll } from '../../../src/recording/verify-all.js';
import { opening, recordSession, startOfTime, startRecorder, statement, tempDir } from './support.js';

const secret = 'select ssn from customers where name = $1';

async function identityIn(dir: string, name = 'identity.txt') {
  const { file, recipient } = newIdentity(new Date(0));
  const path = join(dir, name);
  await writeFile(path, file, { mode: 0o600 });
  return { path, recipient, identities: readIdentityFile(path) };
}

async function eventsOf(path: string, openKey?: OpenSessionKey): Promise<SessionEvent[]> {
  const events: SessionEvent[] = [];
  for await (const event of readEvents(path, openKey === undefined ? {} : { openKey })) events.push(event);
  return events;
}

describe('recipients and identities', () => {
  it('are written as age writes them', () => {
    // A pair of the test kit of age itself (C2SP).
    const identity = parseIdentity('AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0');
    expect(identity?.recipient.id).toBe('age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef');
  });

  it('refuses what is mistyped, and says where without quoting it', async () => {
    const dir = await tempDir();
    const { recipient, path } = await identityIn(dir);
    expect(parseRecipient(recipient)?.id).toBe(recipient);
    for (let at = 0; at < recipient.length; at++) {
      const other = recipient[at] === 'q' ? 'p' : 'q';
      expect(parseRecipient(recipient.slice(0, at) + other + recipient.slice(at + 1))).toBeNull();
    }
    const file = join(dir, 'recipients.txt');
    await writeFile(file, `# people\n${recipient}\n\n${recipient.slice(0, -1)}\n`);
    expect(() => readRecipients([file])).toThrow(`${file}:4: not a recipient`);
    await writeFile(file, `# people\n${recipient}\n`);
    expect(readRecipients([file, recipient]).map(({ id }) => id)).toEqual([recipient]);
    await chmod(path, 0o644);
    expect(() => readIdentityFile(path)).toThrow('can be read by others');
  });
});

describe('an encrypted recording', () => {
  it('verifies without the identity, also by the independent verifier, and holds no statement in clear', async () => {
    const dir = await tempDir();
    const { recipient } = await identityIn(dir);
    const { recorder, options } = await startRecorder(dir, { recipients: [recipient] });
    const id = await recordSession(recorder, [statement(1, secret), statement(2, secret, { error: 'no such table' })]);
    const journal = await recorder.journal(id);
    const bytes = await readFile(journal?.path ?? '');
    for (const word of ['ssn', 'customers', 'no such table', 'readers']) expect(bytes.includes(word)).toBe(false);
    expect(await recorder.verify(id)).toMatchObject({ valid: true, sessions: [{ closed: true }] });
    await recorder.close();
    expect(await verifyAll(options.dir)).toMatchObject({ valid: true });
    execFileSync('python3', ['scripts/verify-recording.py', options.dir]);
    const index = await readFile(join(dir, 'index.db'));
    expect(index.includes('ssn')).toBe(false);
  });

  it('is read with the identity of any of its recipients, and of nobody else', async () => {
    const dir = await tempDir();
    const [first, second, stranger] = [
      await identityIn(dir, 'a'),
      await identityIn(dir, 'b'),
      await identityIn(dir, 'c'),
    ];
    const { recorder } = await startRecorder(dir, { recipients: [first.recipient, second.recipient] });
    const open = opening();
    const id = await recordSession(recorder, [statement(1, secret)], open);
    const path = (await recorder.journal(id))?.path ?? '';
    for (const { identities } of [first, second]) {
      const events = await eventsOf(path, (record, session) => unwrapSessionKey(record, session, identities));
      expect(events.slice(0, -1)).toEqual([open, ...statement(1, secret)]);
    }
    const closed = (error: unknown): boolean => isSluiceError(error, 'local');
    await expect(eventsOf(path)).rejects.toSatisfy(closed);
    const byStranger = eventsOf(path, (record, session) => unwrapSessionKey(record, session, stranger.identities));
    await expect(byStranger).rejects.toSatisfy(closed);
    // A wrapped key opens only its own session.
    const found = await readRecipientsRecord(path);
    expect(found?.session).toBe(id);
    if (found !== null) expect(unwrapSessionKey(found.recipients, 'ses_0000000000000000', first.identities)).toBeNull();
  });

  it('is recovered after a crash without any identity', async () => {
    const dir = await tempDir();
    const { recipient } = await identityIn(dir);
    const { recorder } = await startRecorder(dir, { recipients: [recipient] });
    const session = await recorder.openSession(opening());
    for (const event of statement(1, secret)) session.append(event);
    await session.commit();
    const { cp } = await import('node:fs/promises');
    const copy = join(await tempDir(), 'state');
    await cp(dir, copy, { recursive: true, filter: (path) => !path.endsWith('index.db-shm') });
    const again = await startRecorder(copy, { recipients: [recipient] });
    expect(await again.recorder.verifyAll()).toMatchObject({ valid: true });
    expect((await again.recorder.list({})).sessions).toMatchObject([{ id: session.session, state: 'interrupted' }]);
  });

  it('is listed by every gateway, but searched and opened only by one that holds an identity', async () => {
    const dir = await tempDir();
    const { recipient, path } = await identityIn(dir);
    const closed = await startRecorder(dir, { recipients: [recipient] });
    const id = await recordSession(closed.recorder, [statement(1, secret)]);
    expect((await closed.recorder.list({})).sessions).toMatchObject([{ id, user: 'engineer', state: 'closed' }]);
    expect((await closed.recorder.search('ssn', {})).sessions).toEqual([]);
    expect(await closed.recorder.sessionKey(id)).toBeNull();
    await closed.recorder.close();

    const open = await startRecorder(dir, { recipients: [recipient], identityFile: path });
    await open.recorder.reindex();
    expect((await open.recorder.search('ssn', {})).sessions).toMatchObject([{ id, operations: 1 }]);
    const live = await open.recorder.openSession(opening());
    for (const event of statement(1, secret)) live.append(event);
    await live.commit();
    expect((await open.recorder.search('ssn', {})).sessions).toHaveLength(2);
    const key = await open.recorder.sessionKey(id);
    const events = await eventsOf((await open.recorder.journal(id))?.path ?? '', () => key);
    expect(events[1]).toEqual(statement(1, secret)[0]);
  });

  it.each([true, false])('keeps what is larger than its buffers whole (encrypted: %s)', async (isEncrypted) => {
    const dir = await tempDir();
    const { recipient, path } = await identityIn(dir);
    const recipients = isEncrypted ? { recipients: [recipient], identityFile: path } : {};
    const { recorder } = await startRecorder(dir, recipients);
    const rows = [60_000, 65_490, 65_500, 65_510, 65_520, 65_536, 70_000, 300_000].map(
      (bytes, index): SessionEvent => ({
        ...{ type: 'rows', at: startOfTime, op: 1, count: 1 },
        data: Buffer.alloc(bytes, index + 1),
      }),
    );
    const id = await recordSession(
      recorder,
      rows.map((event) => [event]),
    );
    const key = isEncrypted ? await recorder.sessionKey(id) : null;
    const events = await eventsOf((await recorder.journal(id))?.path ?? '', key === null ? undefined : () => key);
    const read = events.filter((event) => event.type === 'rows').map(({ data }) => data);
    expect(read.map((data) => [data.length, data.every((byte) => byte === data[0])])).toEqual(
      rows.map((event) => [event.type === 'rows' ? event.data.length : 0, true]),
    );
    expect(await recorder.verify(id)).toMatchObject({ valid: true });
    await recorder.close();
  });
});
