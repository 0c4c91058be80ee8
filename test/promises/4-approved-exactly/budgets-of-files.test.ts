import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDoor, openPolicy, startFileLab, type SshLab } from '../../support/ssh-lab.js';

const budget = 100_000;
const piece = 3_000;
const policies = `${openPolicy}
@id("budget") @message("Over the budget of bytes.")
forbid (principal, action == Action::"download", resource) when { context.session.bytesRead > ${budget} };
`;
const secret = randomBytes(300_000);

const open = (files: ssh2.SFTPWrapper): Promise<Buffer | null> =>
  new Promise((resolve) =>
    files.open(join(there, 'secret'), 'r', (error, opened) => resolve(error == null ? opened : null)),
  );
const readAt = (files: ssh2.SFTPWrapper, handle: Buffer, at: number): Promise<number> =>
  new Promise((resolve) =>
    files.read(handle, Buffer.alloc(piece), 0, piece, at, (error, bytes) => resolve(error == null ? bytes : 0)),
  );

let lab: SshLab;
let there: string;
beforeAll(async () => {
  ({ lab, there } = await startFileLab());
  lab.apply(policies);
  writeFileSync(join(there, 'secret'), secret);
}, 60_000);
afterAll(() => lab.stop());

it('of bytes stays spent: where one piece was refused, the next is as well, whatever channel asks', async () => {
  const door = await openDoor(lab.gateway, 'engineer');
  const client = new ssh2.Client();
  const gone = new Promise<null>((resolve) => client.once('close', () => resolve(null)));
  try {
    await new Promise((resolve, reject) => {
      client.once('ready', () => resolve(undefined));
      client.once('error', reject);
      client.connect({ host: '127.0.0.1', port: door.port, username: 'anyone', authHandler: ['none'] });
    });
    let read = 0;
    for (let tries = 0; tries < 3; tries++) {
      const files = await Promise.race([gone, promisify(client.sftp.bind(client))()]);
      if (files === null) break;
      const over = Promise.race([gone, new Promise<null>((resolve) => files.once('close', () => resolve(null)))]);
      const handle = await Promise.race([over, open(files)]);
      for (let at = read; handle !== null && at < secret.length; at += piece) {
        const bytes = await Promise.race([over, readAt(files, handle, at)]);
        if (bytes === null) break;
        read += bytes;
      }
    }
    expect(read).toBeGreaterThan(budget / 2);
    expect(read).toBeLessThanOrEqual(budget);
  } finally {
    client.end();
    await door.close();
  }
});
