import { execFileSync, spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { recordingsSchema } from '../../../src/gateway/recordings-config.js';
import { readEvents } from '../../../src/recording/read.js';
import { startSshLab, type Ended, type SshLab } from '../../support/ssh-lab.js';

// The disk of the recordings fails in the middle of what an insider does on a machine. Each failure has a disk of its own,
// which is a real one: full, or gone read-only as a disk with errors does, or with its files removed.

type Failure = 'full' | 'readonly' | 'gone';
/** Disks need root, and a machine that lets it mount them; the journal's own tests have files that fail everywhere. */
const failures: readonly Failure[] = [
  ...(works('mount -t tmpfs tmpfs /mnt') ? (['full', 'gone'] as const) : []),
  ...(works('f=$(mktemp) && truncate -s 24M $f && mkfs.ext4 -q $f && mount -o loop $f /mnt; s=$?; rm $f; exit $s')
    ? (['readonly'] as const)
    : []),
];
const isAble = failures.length > 0;

/** Whether these words of a shell can be done, in a place of their own. */
function works(script: string): boolean {
  return spawnSync('unshare', ['--mount', 'sh', '-c', script]).status === 0;
}

const mebibyte = 1024 * 1024;
const patience = { timeout: 60_000, interval: 50 };

let lab: SshLab;
let dir: string;
const mounted: string[] = [];
const started = new Set<ChildProcessWithoutNullStreams>();
/** Behind the machine: counts what reaches it by a forwarded connection. */
let sink: Server;
let received = 0;
const arrived = new Set<Socket>();
const sockets = new Set<Socket>();

const volumeOf = (failure: Failure): string => join(lab.gateway.stateDir, 'recordings', failure);

beforeAll(async () => {
  if (!isAble) return;
  dir = await mkdtemp(join(tmpdir(), 'sluice-recorder-'));
  sink = createServer((socket) => {
    sockets.add(socket);
    arrived.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => arrived.delete(socket));
    socket.on('data', (piece: Buffer) => (received += piece.length));
  });
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  const volumes = failures.map((name) => ({ name, targets: [`${name}-*`] }));
  // The machine's address is known only once it runs, so the targets come with the first bundle.
  lab = await startSshLab({
    recordings: recordingsSchema.parse({ volumes, reserveMegabytes: 0.25 }),
    alike: failures.map((failure) => `${failure}-web`),
  });
  for (const failure of failures) {
    if (failure === 'readonly') {
      const image = join(dir, 'disk');
      await writeFile(image, '');
      await truncate(image, 24 * mebibyte);
      execFileSync('sh', [
        '-c',
        'mkfs.ext4 -q "$1" && mount -o loop,errors=remount-ro "$1" "$2"',
        'sh',
        image,
        volumeOf(failure),
      ]);
    } else execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', volumeOf(failure)]);
    mounted.push(volumeOf(failure));
  }
  await lab.gateway.restart(); // which takes its reserve on the disks
});
afterAll(async () => {
  if (!isAble) return;
  for (const child of started) child.kill('SIGKILL');
  for (const socket of sockets) socket.destroy();
  await lab.stop().catch(() => undefined);
  for (const disk of mounted) execFileSync('umount', ['--lazy', disk]);
  await rm(lab.gateway.stateDir, { recursive: true, force: true });
  sink.close();
  await rm(dir, { recursive: true, force: true });
});

/** Has the disk fail, now. */
function fail(failure: Failure): void {
  const volume = volumeOf(failure);
  switch (failure) {
    case 'full':
      return fill(join(volume, 'ballast'));
    case 'readonly': {
      const { dev } = statSync(volume);
      const device = `/sys/dev/block/${dev >> 8}:${dev & 0xff}`;
      const name = basename(execFileSync('realpath', [device], { encoding: 'utf8' }).trim());
      const trigger = openSync(`/sys/fs/ext4/${name}/trigger_fs_error`, 'w');
      writeSync(trigger, 'for a test');
      return closeSync(trigger);
    }
    case 'gone':
      for (const day of readdirSync(volume).filter((name) => /^\d/.test(name)))
        rmSync(join(volume, day), { recursive: true });
  }
}

function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (const size of [mebibyte, 4096, 1]) {
      try {
        while (writeSync(file, Buffer.alloc(size, 1)) === size);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      }
    }
  } finally {
    closeSync(file);
  }
}

/** The disk works again. */
function mend(failure: Failure): void {
  const volume = volumeOf(failure);
  if (failure === 'full') rmSync(join(volume, 'ballast'));
  if (failure !== 'readonly') return;
  execFileSync('umount', ['--lazy', volume]);
  execFileSync('mount', ['-o', 'loop,errors=remount-ro', join(dir, 'disk'), volume]);
}

interface Started {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  readonly said: () => string;
}

function start(program: string, args: readonly string[]): Started {
  const child = spawn(program, args);
  started.add(child);
  let stdout = '';
  let stderr = '';
  child.stdin.on('error', () => undefined);
  child.stdout.on('data', (piece: Buffer) => (stdout = (stdout + piece.toString('latin1')).slice(-100_000)));
  child.stderr.on('data', (piece: Buffer) => (stderr += piece.toString('utf8')));
  const ended = once(child, 'close').then(([code]: (number | null)[]) => {
    started.delete(child);
    return { code: code ?? null, stdout, stderr };
  });
  return { child, ended, said: () => stdout };
}

/** Writes without end, at the other side's pace, until it ends. */
async function feed(
  to: NodeJS.WritableStream & { readonly destroyed?: boolean },
  stop: Promise<unknown>,
): Promise<void> {
  let isOver = false;
  void stop.then(() => (isOver = true));
  const piece = Buffer.alloc(64 * 1024, 'x');
  while (!isOver) {
    if (to.write(piece)) await new Promise((resolve) => setImmediate(resolve));
    else await Promise.race([once(to, 'drain').catch(() => undefined), stop]);
  }
}

const greeting = 'hello';
const words = 'its record cannot be written';
const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : 0);

/** All journals on this disk. */
function journals(failure: Failure): string {
  return readdirSync(volumeOf(failure), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.journal'))
    .map((name) => readFileSync(join(volumeOf(failure), name), 'latin1'))
    .join('');
}

/** What the newest journal on this disk says may have passed, at most. */
async function recordedBytes(failure: Failure): Promise<number> {
  const volume = volumeOf(failure);
  const days = readdirSync(volume).filter((name) => /^\d/.test(name));
  const files = days
    .flatMap((day) => readdirSync(join(volume, day)).map((name) => join(volume, day, name)))
    .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs);
  let most = mebibyte;
  for await (const event of readEvents(new Uint8Array(readFileSync(files.at(-1) ?? ''))))
    if (event.type === 'notice' && event.code === 'passing')
      most = Math.max(most, Number(/at most (\d+) bytes/.exec(event.message)?.[1]));
  return most;
}

it.runIf(!isAble)('cannot be tried here: nothing can be mounted', () => undefined);

describe.each(failures)('a recorder whose disk is %s', (failure) => {
  const target = `${failure}-web`;
  const ssh = (...args: readonly string[]): Started => start('ssh', ['-F', lab.config, ...args]);

  /** What was started is over some time after the disk has failed; then `look` at what is on it, before it works again. */
  async function failing(of: Started, look: () => unknown, meanwhile?: () => Promise<void>): Promise<Ended> {
    fail(failure);
    try {
      await meanwhile?.();
      const ended = await of.ended;
      await look();
      // Who comes now is told as well, where there is no way to begin a record.
      if (failure !== 'gone') {
        const next = await lab.sshTo([target, 'echo never']);
        expect(next).toMatchObject({ code: 201, stdout: '' });
        expect(next.stderr).toMatch(/^sluice: gateway: /);
      }
      return ended;
    } finally {
      mend(failure);
    }
  }

  it('ends a shell, and no line runs that is not on record', async () => {
    const mark = join(lab.sshd.dir, `${failure}-typed`);
    const prompts = (): number => shell.said().split('ready').length;
    const shell = ssh('-tt', target);
    shell.child.stdin.write(`PS1='rea''dy'; cd /tmp\r`);
    await expect.poll(prompts, patience).toBe(2);
    let typed = 0;
    const isThere = (line: number): boolean => existsSync(`${mark}-${line}`);
    const ended = await failing(
      shell,
      () => {
        const texts = failure === 'gone' ? null : journals(failure);
        for (let line = 1; texts !== null && line <= typed; line++)
          if (isThere(line)) expect(texts).toContain(`touch ${mark}-${line}`);
      },
      async () => {
        let isOver = false;
        void shell.ended.then(() => (isOver = true));
        while (!isOver) {
          const before = prompts();
          shell.child.stdin.write(`touch ${mark}-${++typed}\r`);
          await expect.poll(() => isOver || prompts() > before, patience).toBe(true);
        }
      },
    );
    expect(ended.code).toBe(201);
    expect(ended.stdout + ended.stderr).toContain(words);
    // On this disk there is no room for anything at all.
    if (failure === 'readonly') expect(isThere(1)).toBe(false);
  });

  it('ends a command that speaks, and what is not on record is not shown', async () => {
    const speaking = ssh(target, 'i=0; while :; do i=$((i+1)); echo "said $i"; sleep 0.02; done');
    await expect.poll(() => speaking.said(), patience).toContain('said 3');
    const ended = await failing(speaking, () => {
      const last = /said \d+\n$/.exec(speaking.said())?.[0] ?? 'nothing';
      if (failure !== 'gone') expect(journals(failure)).toContain(last);
    });
    expect(ended.code).toBe(201);
    expect(ended.stderr).toContain(words);
  });

  it('ends a command that listens: no more of its input than is on record reaches the machine', async () => {
    const file = join(lab.sshd.dir, `${failure}-input`);
    const taking = ssh(target, `cat > ${file}`);
    const fed = feed(taking.child.stdin, taking.ended);
    await expect.poll(() => sizeOf(file), patience).toBeGreaterThan(3 * mebibyte);
    const ended = await failing(taking, () => onRecord(() => sizeOf(file)));
    await fed;
    expect(ended.code).toBe(201);
    expect(ended.stderr).toContain(words);
    rmSync(file);
  });

  it('ends a command that speaks beyond what is kept: no more of it than is on record is shown', async () => {
    let heard = 0;
    const speaking = ssh(target, 'exec cat /dev/zero');
    speaking.child.stdout.on('data', (piece: Buffer) => (heard += piece.length));
    await expect.poll(() => heard, patience).toBeGreaterThan(12 * mebibyte);
    const ended = await failing(speaking, () => onRecord(() => heard - 8 * mebibyte));
    expect(ended.code).toBe(201);
    expect(ended.stderr).toContain(words);
  });

  it('ends an upload by SFTP: no more of it than is on record reaches the machine', async () => {
    const [from, file] = [join(dir, `${failure}-pipe`), join(lab.sshd.dir, `${failure}-upload`)];
    await writeFile(from, '');
    await truncate(from, 4096 * mebibyte);
    const sftp = start('sftp', ['-F', lab.config, '-b', '-', target]);
    sftp.child.stdin.end(`put ${from} ${file}\n`);
    await expect.poll(() => sizeOf(file), patience).toBeGreaterThan(3 * mebibyte);
    const ended = await failing(sftp, () => onRecord(() => sizeOf(file)));
    expect(ended.code).not.toBe(0);
    expect(ended.stderr).toContain(words);
    rmSync(from);
    rmSync(file);
  });

  it('ends a forwarded connection, and ssh says why: no more than is on record reaches the other end', async () => {
    await nothingArrives();
    const to = `127.0.0.1:${(sink.address() as AddressInfo).port}`;
    const forward = ssh('-W', to, target);
    const fed = feed(forward.child.stdin, forward.ended);
    await expect.poll(() => received, patience).toBeGreaterThan(3 * mebibyte);
    const ended = await failing(forward, () => onRecord(() => received));
    await fed;
    expect(ended.code).toBe(255);
    expect(ended.stderr).toContain(words);
  });

  it('ends the session that asks for another forwarded connection, and ssh says why', async () => {
    await nothingArrives();
    const door = join(dir, `${failure}-door`);
    const to = `127.0.0.1:${(sink.address() as AddressInfo).port}`;
    const forwarding = ssh('-N', '-o', 'ExitOnForwardFailure=yes', '-L', `${door}:${to}`, target);
    await expect.poll(() => greeted(door), patience).toBe(true);
    await expect.poll(() => received, patience).toBeGreaterThan(0);
    let asked = 0;
    const ended = await failing(
      forwarding,
      () => undefined,
      async () => {
        // One after the other: more than ssh takes at once would only wait before its door.
        while (await greeted(door)) {
          asked++;
          await pause(patience.interval);
        }
      },
    );
    expect(ended.code).toBe(255);
    expect(ended.stderr).toContain(words);
    expect(asked).toBeGreaterThan(0);
    if (failure === 'readonly') expect(received).toBe(greeting.length);
  });

  /** That no more has passed than the newest journal says. */
  async function onRecord(passed: () => number): Promise<void> {
    if (failure !== 'gone') expect(passed()).toBeLessThanOrEqual(await recordedBytes(failure));
  }

  it('works again when its disk does', async () => {
    expect(await lab.sshTo([target, 'echo again'])).toMatchObject({ code: 0, stdout: 'again\n' });
  });
});

/** What a forwarded connection of before still had to say has been heard; counting begins anew. */
async function nothingArrives(): Promise<void> {
  await expect.poll(() => arrived.size, patience).toBe(0);
  received = 0;
}

/** Connects and says hello; false when nobody listens. */
function greeted(door: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(door, () => socket.write(greeting, () => resolve(true)));
    sockets.add(socket);
    socket.on('error', () => resolve(false));
  });
}
