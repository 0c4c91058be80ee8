import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openDoor, openPolicy, startFileLab, type Ended, type SshLab } from '../support/ssh-lab.js';

let lab: SshLab;
/** A folder on the "machine", and one on the person's side. */
let there: string;
let here: string;
beforeAll(async () => {
  ({ lab, there, here } = await startFileLab());
}, 60_000);
afterAll(() => lab.stop());
beforeEach(() => lab.apply(openPolicy));

const forbid = (action: string, when = 'true'): string =>
  `${openPolicy}@id("no")\nforbid (principal, action == Action::"${action}", resource) when { ${when} };\n`;
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const sftp = (...commands: readonly string[]): Promise<Ended> =>
  lab.run('sftp', ['-F', lab.config, '-b', '-', 'web-1'], { input: `${commands.join('\n')}\n` });
const content = randomBytes(3_000_000);

/** SFTP as a client of one's own speaks it: it writes where and when it likes. */
async function openFiles(client: ssh2.Client, port: number): Promise<ssh2.SFTPWrapper> {
  await new Promise((resolve, reject) => {
    client.once('ready', () => resolve(undefined));
    client.once('error', reject);
    client.connect({ host: '127.0.0.1', port, username: 'anyone', authHandler: ['none'] });
  });
  return await promisify(client.sftp.bind(client))();
}
const createFile = (files: ssh2.SFTPWrapper, path: string): Promise<Buffer> =>
  new Promise((resolve, reject) =>
    files.open(path, 'w', (error, opened) => (error == null ? resolve(opened) : reject(error))),
  );

describe('files over SFTP', () => {
  it('go there and back as they are, recorded by name, size and digest', async () => {
    writeFileSync(join(here, 'up'), content);
    const ended = await sftp(`put ${here}/up ${there}/up`, `get ${there}/up ${here}/down`);
    expect(ended.code).toBe(0);
    expect(readFileSync(join(there, 'up')).equals(content)).toBe(true);
    expect(readFileSync(join(here, 'down')).equals(content)).toBe(true);
    const [session] = await lab.sessions();
    const results = (await lab.events(session?.id ?? '')).filter((event) => event.type === 'result');
    expect(results).toMatchObject([
      { tag: `uploaded 3000000 bytes of ${there}/up`, byteCount: 3_000_000, digest: sha256(content) },
      { tag: `downloaded 3000000 bytes of ${there}/up`, byteCount: 3_000_000, digest: sha256(content) },
    ]);
    const texts = session?.operations.map(({ text }) => text) ?? [];
    expect(texts).toContain(`open write+creat+trunc ${there}/up`);
    expect(texts).toContain(`open read ${there}/up`);
  });

  it('can be listed, renamed, linked, changed and removed', async () => {
    writeFileSync(join(there, 'a'), 'a');
    const ended = await sftp(
      ...[
        `mkdir ${there}/d`,
        `rename ${there}/a ${there}/d/b`,
        `ln -s ${there}/d/b ${there}/l`,
        `chmod 600 ${there}/d/b`,
      ],
      ...[`ls -l ${there}/d`, `rm ${there}/d/b`, `rmdir ${there}/d`],
    );
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain('d/b');
    expect(readlinkSync(join(there, 'l'))).toBe(`${there}/d/b`);
    expect(existsSync(join(there, 'd'))).toBe(false);
  });

  it.each([
    ['download', 'get T/secret H/x', 'read'],
    ['upload', 'put H/up T/x', 'write'],
    ['removeFile', 'rm T/secret', 'remove'],
    ['renameFile', 'rename T/secret T/y', 'rename'],
    ['changeFile', 'mkdir T/z', 'mkdir'],
    ['linkFile', 'ln T/secret T/h', 'link'],
    ['listFiles', 'ls T', 'list'],
  ])('are refused what policy forbids: %s', async (action, command) => {
    writeFileSync(join(there, 'secret'), 'secret');
    writeFileSync(join(here, 'up'), 'up');
    const text = command.replace(/\b[TH]\b/g, (folder) => (folder === 'T' ? there : here));
    const scope = action === 'listFiles' ? `context.path == "${there}"` : `context.path like "${there}/*"`;
    lab.apply(forbid(action, scope));
    const refused = await sftp(text);
    expect(refused.code).not.toBe(0);
    expect(readFileSync(join(there, 'secret'), 'utf8')).toBe('secret');
    for (const name of ['x', 'y', 'z', 'h']) expect(existsSync(join(there, name))).toBe(false);
    const [session] = await lab.sessions();
    expect(session?.operations.at(-1)).toMatchObject({ kind: 'file', verdict: 'deny' });
  });

  it('are judged by where a link leads, and by folder', async () => {
    mkdirSync(join(there, 'private'), { recursive: true });
    writeFileSync(join(there, 'private', 'key'), 'key');
    symlinkSync(join(there, 'private'), join(there, 'innocent'));
    const name = lab.sshd.dir
      .split('/')
      .filter((part) => part !== '')
      .join('/');
    lab.apply(`${openPolicy}@id("no")\nforbid (principal, action, resource in Path::"web-1/${name}/there/private");\n`);
    for (const path of ['innocent/key', 'private/key', './innocent/../private/key', 'private/../innocent/key'])
      expect((await sftp(`get ${there}/${path} ${here}/stolen`)).code).not.toBe(0);
    expect(existsSync(join(here, 'stolen'))).toBe(false);
  });

  it('are judged by size, before the first byte of a download and as an upload grows', async () => {
    writeFileSync(join(there, 'big'), content);
    lab.apply(forbid('download', 'context.size > 1000000'));
    expect((await sftp(`get ${there}/big ${here}/big`)).code).not.toBe(0);
    lab.apply(forbid('upload', 'context.size > 2000000'));
    writeFileSync(join(here, 'large'), content);
    expect((await sftp(`put ${here}/large ${there}/large`)).code).not.toBe(0);
    expect(readFileSync(join(there, 'large')).length).toBeLessThanOrEqual(2 * 1024 * 1024);
  });

  it('take nothing more in a file that was opened while it was permitted', async () => {
    const door = await openDoor(lab.gateway, 'engineer');
    const client = new ssh2.Client();
    try {
      const files = await openFiles(client, door.port);
      const handle = await createFile(files, join(there, 'kept-open'));
      const write = (text: string, at: number): Promise<string | null> =>
        new Promise((resolve) =>
          files.write(handle, Buffer.from(text), 0, text.length, at, (error) => resolve(error?.message ?? null)),
        );
      expect(await write('before', 0)).toBeNull();
      lab.apply(forbid('upload', 'context.path like "*/kept-open"'));
      expect(await write('behind', 6)).toContain('sluice: ');
      expect(readFileSync(join(there, 'kept-open'), 'utf8')).toBe('before');
      lab.apply(openPolicy);
      expect(await write(' again', 6)).toBeNull();
    } finally {
      client.end();
      await door.close();
    }
  });

  it('fail at their end when a part was refused: who wrote ahead hears of the parts before it afterwards', async () => {
    lab.apply(forbid('upload', 'context.size > 2000000'));
    const door = await openDoor(lab.gateway, 'engineer');
    const client = new ssh2.Client();
    try {
      const files = await openFiles(client, door.port);
      const written = async (name: string, bytes: number): Promise<readonly (string | null)[]> => {
        const handle = await createFile(files, join(there, name));
        const told: (string | null)[] = [];
        for (let at = 0; at < bytes; at += 1_000_000)
          await new Promise<void>((resolve) =>
            files.write(handle, content, at, 1_000_000, at, (error) => {
              told.push(error?.message ?? null);
              resolve();
            }),
          );
        return new Promise((resolve) => files.close(handle, (error) => resolve([...told, error?.message ?? null])));
      };
      expect(await written('short', 1_000_000)).toEqual([null, null]);
      const refused = expect.stringContaining('sluice: ') as unknown;
      expect(await written('long', 3_000_000)).toEqual([null, refused, refused, refused]);
    } finally {
      client.end();
      await door.close();
    }
  });
});

describe('other ways to move files', () => {
  it.each([['-s'], ['-O']])('scp %s', async (flavour) => {
    writeFileSync(join(here, 'scp'), content);
    const through = ['-F', lab.config, flavour];
    expect((await lab.run('scp', [...through, join(here, 'scp'), `web-1:${there}/scp`])).code).toBe(0);
    expect((await lab.run('scp', [...through, `web-1:${there}/scp`, join(here, 'scp-back')])).code).toBe(0);
    expect(readFileSync(join(here, 'scp-back')).equals(content)).toBe(true);
    lab.apply(forbid('download', `context.path like "${there}/*"`));
    expect((await lab.run('scp', [...through, `web-1:${there}/scp`, join(here, 'never')])).code).not.toBe(0);
    expect(existsSync(join(here, 'never'))).toBe(false);
  });

  it('rsync, with text that detectors would mask', async () => {
    const text = 'ada@corp.example\n'.repeat(5000);
    mkdirSync(join(here, 'tree'), { recursive: true });
    writeFileSync(join(here, 'tree', 'file'), text);
    const shell = ['-e', `ssh -F ${lab.config}`];
    expect((await lab.run('rsync', ['-a', ...shell, `${here}/tree/`, `web-1:${there}/tree/`])).code).toBe(0);
    expect((await lab.run('rsync', ['-a', ...shell, `web-1:${there}/tree/`, `${here}/tree-back/`])).code).toBe(0);
    expect(readFileSync(join(here, 'tree-back', 'file'), 'utf8')).toBe(text);
    lab.apply(forbid('upload'));
    expect((await lab.run('rsync', ['-a', ...shell, `${here}/tree/`, `web-1:${there}/other/`])).code).not.toBe(0);
    expect(existsSync(join(there, 'other'))).toBe(false);
  });

  it('git, both ways', async () => {
    const env = {
      ...{ GIT_SSH_COMMAND: `ssh -F ${lab.config}`, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
      ...{ GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' },
    };
    const git = (...args: readonly string[]): Promise<Ended> => lab.run('git', args, { env });
    await git('init', '-q', '--bare', `${there}/repo.git`);
    await git('init', '-q', '-b', 'main', `${here}/repo`);
    writeFileSync(join(here, 'repo', 'file'), 'ada@corp.example');
    await git('-C', `${here}/repo`, 'add', '.');
    await git('-C', `${here}/repo`, 'commit', '-q', '-m', 'one');
    expect((await git('-C', `${here}/repo`, 'push', `web-1:${there}/repo.git`, 'main')).code).toBe(0);
    expect((await git('clone', '-q', '-b', 'main', `web-1:${there}/repo.git`, `${here}/clone`)).code).toBe(0);
    expect(readFileSync(join(here, 'clone', 'file'), 'utf8')).toBe('ada@corp.example');
    lab.apply(forbid('upload'));
    expect((await git('-C', `${here}/repo`, 'push', `web-1:${there}/repo.git`, 'main:other')).code).not.toBe(0);
  });
});
