import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDoor, openPolicy, startFileLab, type SshLab } from '../support/ssh-lab.js';

/** Somebody changes a link on the machine, over and over, while another opens what is behind it. */
let lab: SshLab;
let there: string;
let swapper: ChildProcess;

const secret = 'the key of the house';
const decoy = 'nothing of interest!'; // of the same length
/** Puts a plain file that looks the same and a link to the secret in each other's place, for as long as it runs. */
const swap = `
const { renameSync, statSync, symlinkSync, utimesSync, writeFileSync } = require('node:fs');
const [place, key, decoy] = process.argv.slice(1);
const { atime, mtime } = statSync(key);
const once = () => {
  for (let i = 0; i < 200; i++) {
    writeFileSync(place + '.file', decoy);
    utimesSync(place + '.file', atime, mtime);
    renameSync(place + '.file', place);
    symlinkSync(key, place + '.link');
    renameSync(place + '.link', place);
  }
  setImmediate(once);
};
once();
console.log('begun');
`;

beforeAll(async () => {
  ({ lab, there } = await startFileLab());
  mkdirSync(join(there, 'private'));
  mkdirSync(join(there, 'public'));
  writeFileSync(join(there, 'private', 'key'), secret);
  const folder = join(there, 'private').slice(1);
  lab.apply(`${openPolicy}@id("no")\nforbid (principal, action, resource in Path::"web-1/${folder}");\n`);
  const args = ['-e', swap, join(there, 'public', 'note'), join(there, 'private', 'key'), decoy];
  swapper = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (swapper.stdout !== null) await once(swapper.stdout, 'data');
}, 60_000);
afterAll(async () => {
  swapper.kill();
  await lab.stop();
});

interface Files {
  readonly sftp: ssh2.SFTPWrapper;
  end(): void;
}

async function connect(options: ssh2.ConnectConfig): Promise<Files> {
  const client = new ssh2.Client();
  await new Promise((resolve, reject) => {
    client.once('ready', () => resolve(undefined));
    client.once('error', reject);
    client.connect({ host: '127.0.0.1', ...options });
  });
  return { sftp: await promisify(client.sftp.bind(client))(), end: () => client.end() };
}

/** What stands in the file, or null where it is not given. */
async function read(sftp: ssh2.SFTPWrapper, path: string): Promise<string | null> {
  const handle = await new Promise<Buffer | null>((resolve) =>
    sftp.open(path, 'r', (error, opened) => resolve(error == null ? opened : null)),
  );
  if (handle === null) return null;
  const bytes = Buffer.alloc(secret.length);
  await new Promise<void>((resolve) => sftp.read(handle, bytes, 0, bytes.length, 0, () => resolve()));
  await new Promise<void>((resolve) => sftp.close(handle, () => resolve()));
  return bytes.toString();
}

/** Opens the file to write it anew; whether it was let. */
async function cut(sftp: ssh2.SFTPWrapper, path: string): Promise<boolean> {
  const handle = await new Promise<Buffer | null>((resolve) =>
    sftp.open(path, 'w', (error, opened) => resolve(error == null ? opened : null)),
  );
  if (handle !== null) await new Promise<void>((resolve) => sftp.close(handle, () => resolve()));
  return handle !== null;
}

it('gives nothing of what a link leads to that was put in between judging a path and opening it', async () => {
  const note = join(there, 'public', 'note');
  // The control: who only looks where a path leads, and then opens what it was, gets the secret soon.
  const { port, user: username, privateKey } = lab.sshd;
  const direct = await connect({ port, username, privateKey });
  const realpath = promisify(direct.sftp.realpath.bind(direct.sftp));
  let isStolen = false;
  while (!isStolen) {
    const judged = await realpath(note).catch(() => '');
    if (judged === note) isStolen = (await read(direct.sftp, judged)) === secret;
  }
  direct.end();

  const door = await openDoor(lab.gateway, 'engineer');
  const through = await connect({ port: door.port, username: 'anyone', authHandler: ['none'] });
  const seen = new Set<string | null>();
  for (let attempt = 0; attempt < 400; attempt++) seen.add(await read(through.sftp, note));
  expect([...seen]).not.toContain(secret);
  // Nor is it cut by who opens the file to write it anew.
  for (let attempt = 0; attempt < 400; attempt++) await cut(through.sftp, note);
  expect(readFileSync(join(there, 'private', 'key'), 'utf8')).toBe(secret);
  through.end();
  await door.close();
  // In the record stands what was refused for that, beside what policy refused.
  const [session] = await lab.sessions();
  const events = await lab.events(session?.id ?? '');
  const refusals = events.flatMap((event) => (event.type === 'decision' ? event.message : [])).join();
  expect(refusals).toContain('lead elsewhere');
}, 120_000);

it('opens what nobody changes, what grows meanwhile and what is made anew, as ever', async () => {
  const door = await openDoor(lab.gateway, 'engineer');
  const { sftp, end } = await connect({ port: door.port, username: 'anyone', authHandler: ['none'] });
  writeFileSync(join(there, 'still'), decoy);
  expect(await read(sftp, join(there, 'still'))).toBe(decoy);
  const log = join(there, 'log');
  const grows = `const { appendFileSync } = require('node:fs'); for (;;) appendFileSync(process.argv[1], 'line\\n')`;
  writeFileSync(log, 'x'.repeat(secret.length));
  const writer = spawn(process.execPath, ['-e', grows, log], { stdio: 'ignore' });
  try {
    for (let attempt = 0; attempt < 50; attempt++) expect(await read(sftp, log)).not.toBeNull();
  } finally {
    writer.kill();
    await once(writer, 'exit');
  }
  expect(await cut(sftp, join(there, 'new'))).toBe(true);
  expect(await cut(sftp, join(there, 'still'))).toBe(true);
  expect(readFileSync(join(there, 'still'), 'utf8')).toBe('');
  end();
  await door.close();
});
