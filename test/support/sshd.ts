import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A real OpenSSH server on loopback, with host keys, configuration and authorised key of its own. */
export interface TestSshd {
  readonly port: number;
  /** The account that logs in: whoever runs the tests. */
  readonly user: string;
  /** The key that the gateway logs in with. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA…` */
  readonly hostKey: string;
  /** For files of a test. */
  readonly dir: string;
  readonly log: () => string;
  stop(): Promise<void>;
}

export interface SshdOptions {
  /** Lines of its configuration, by the folder of its files; they count before the usual ones. */
  readonly lines?: (dir: string) => readonly string[] | Promise<readonly string[]>;
  /** An account with a password that this sshd alone knows of: it has a passwd and shadow of its own. Needs root. */
  readonly account?: { readonly name: string; readonly password: string };
}

export async function startSshd(options: SshdOptions = {}): Promise<TestSshd> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-sshd-'));
  const user = userInfo().username;
  const file = (name: string): string => join(dir, name);
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file('host_key')]);
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file('user_key')]);
  await copyFile(file('user_key.pub'), file('authorized_keys'));
  await chmod(file('authorized_keys'), 0o600);
  const lines = [
    ...((await options.lines?.(dir)) ?? []),
    `HostKey ${file('host_key')}`,
    `AuthorizedKeysFile ${file('authorized_keys')}`,
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'PasswordAuthentication no',
    'PermitRootLogin prohibit-password',
    'AcceptEnv LANG LC_* SECRET_*',
    'AllowTcpForwarding yes',
    'MaxSessions 200',
    'MaxStartups 200',
    'PrintMotd no',
    'PrintLastLog no',
    'Subsystem sftp internal-sftp',
    '',
  ];
  await writeFile(file('sshd_config'), lines.join('\n'));
  // Where sshd, run by root, keeps nothing; it insists on the folder all the same.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const command = [
    ...(options.account === undefined ? [] : await withAccount(dir, options.account)),
    ...['/usr/sbin/sshd', '-D', '-e', '-f', file('sshd_config')],
  ];
  let daemon: Daemon | null = null;
  while (daemon === null) daemon = await listen(command);
  const { port, child, exited, log } = daemon;
  return {
    port,
    user,
    privateKey: await readFile(file('user_key'), 'utf8'),
    hostKey: (await readFile(file('host_key.pub'), 'utf8')).split(' ').slice(0, 2).join(' '),
    dir,
    log,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** What runs a program where there is one account more: in a mount namespace, so that the machine stays as it is. */
async function withAccount(
  dir: string,
  { name, password }: { readonly name: string; readonly password: string },
): Promise<readonly string[]> {
  const { stdout } = await run('openssl', ['passwd', '-6', password]);
  const copies = { passwd: join(dir, 'passwd'), shadow: join(dir, 'shadow') };
  const line = { passwd: `${name}:x:12345:12345::/tmp:/bin/sh`, shadow: `${name}:${stdout.trim()}:19000:0:99999:7:::` };
  for (const which of ['passwd', 'shadow'] as const) {
    const known = await readFile(`/etc/${which}`, 'utf8');
    await writeFile(copies[which], `${known}${line[which]}\n`, { mode: which === 'shadow' ? 0o600 : 0o644 });
  }
  const script = 'mount --bind "$1" /etc/passwd && mount --bind "$2" /etc/shadow && shift 2 && exec "$@"';
  return ['unshare', '--mount', 'sh', '-c', script, 'sh', copies.passwd, copies.shadow];
}

interface Daemon {
  readonly port: number;
  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
  readonly log: () => string;
}

/** Starts it on a port that is free, which sshd cannot choose itself; null where somebody was quicker to take it. */
async function listen([program = '', ...words]: readonly string[]): Promise<Daemon | null> {
  const port = await freePort();
  const address = ['-o', `ListenAddress=127.0.0.1:${port}`];
  const child = spawn(program, [...words, ...address], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const [exited, saidAll] = [once(child, 'exit'), once(child, 'close')];
  while (child.exitCode === null && child.signalCode === null) {
    if (log.includes('Server listening') && (await answers(port))) return { port, child, exited, log: () => log };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await saidAll;
  if (log.includes('Address already in use')) return null;
  throw new Error(`sshd does not listen: ${log}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}
