import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import ssh2, { type Client } from 'ssh2';
import { openDoor, startSshLab, type Ended, type SshLab } from '../../support/ssh-lab.js';

/** How an attack reaches the machine: past the gateway, as its control, or through it. */
export type Way = 'direct' | 'insider';

/** A machine with something to protect, an insider's ways to it, and what stands on it. */
export interface Machine {
  readonly lab: SshLab;
  /** `private/key` and `private/list` nobody may touch, `pub/notes` everybody may. */
  readonly dir: string;
  /** What nobody may read. */
  readonly secret: string;
  /** OpenSSH with these words, on one way or the other. */
  ssh(way: Way, args: readonly string[], input?: string): Promise<Ended>;
  /** A client of the attacker's own making, logged in. */
  client(way: Way): Promise<Client>;
  /** One command on a connection that is kept for this way. */
  run(way: Way, command: string): Promise<Ended>;
  /** Ends every connection, so that their sessions end. */
  stopClients(): Promise<void>;
  /** Everything below `dir`: names, kinds, modes, contents. */
  fingerprint(): string;
  /** Puts `dir` back to what it was. */
  restore(): void;
  stop(): Promise<void>;
}

/** Harmless programs, a folder of one's own, and nothing else. */
export function tightPolicy(dir: string, more = ''): string {
  const folder = dir
    .split('/')
    .filter((part) => part !== '')
    .join('/');
  return `
@id("in") permit (principal, action in [Action::"connect", Action::"subsystem", Action::"listFiles"], resource);
@id("look") permit (principal, action == Action::"exec", resource)
when { ["ls", "cat", "echo", "printf", "wc", "true", "sleep"].contains(context.program) && !context.opaque
  && !context.paths.containsAny(["${dir}/private/key", "${dir}/private/list"]) };
@id("pub") permit (principal, action in Action::"files", resource in Path::"web-1/${folder}/pub");
${more}`;
}

export async function openMachine(options: Parameters<typeof startSshLab>[0] = {}): Promise<Machine> {
  const lab = await startSshLab(options);
  const dir = join(lab.sshd.dir, 'there');
  const secret = 'QZX-canary-7731-KWV';
  const direct = join(lab.sshd.dir, 'direct_config');
  const key = join(lab.sshd.dir, 'user_key');
  const known = join(lab.sshd.dir, 'direct_known_hosts');
  writeFileSync(known, `[127.0.0.1]:${lab.sshd.port} ${lab.sshd.hostKey}\n`);
  writeFileSync(
    direct,
    `Host web-1\n  HostName 127.0.0.1\n  Port ${lab.sshd.port}\n  User ${lab.sshd.user}\n  IdentityFile ${key}\n` +
      `  IdentitiesOnly yes\n  UserKnownHostsFile ${known}\n  StrictHostKeyChecking yes\n  BatchMode yes\n  LogLevel ERROR\n`,
  );
  const door = await openDoor(lab.gateway, 'engineer');
  const clients = new Set<Client>();
  const restore = (): void => {
    rmSync(dir, { recursive: true, force: true });
    for (const name of ['private', 'pub']) mkdirSync(join(dir, name), { recursive: true });
    writeFileSync(join(dir, 'private', 'key'), secret, { mode: 0o600 });
    writeFileSync(join(dir, 'private', 'list'), 'one\n');
    writeFileSync(join(dir, 'pub', 'notes'), 'notes\n');
    symlinkSync(join(dir, 'private'), join(dir, 'pub', 'inside'));
    symlinkSync(join(dir, 'private', 'new'), join(dir, 'pub', 'dangling'));
  };
  restore();
  const login = async (way: Way): Promise<Client> => {
    const client = new ssh2.Client();
    clients.add(client);
    const ready = new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      client.on('error', reject);
    });
    if (way === 'direct') {
      const { port, user: username, privateKey } = lab.sshd;
      client.connect({ host: '127.0.0.1', port, username, privateKey });
    } else client.connect({ host: '127.0.0.1', port: door.port, username: 'anyone', authHandler: ['none'] });
    await ready;
    return client;
  };
  const kept = new Map<Way, Promise<Client>>();
  return {
    ...{ lab, dir, secret, restore, client: login },
    async run(way, command) {
      const client = kept.get(way) ?? login(way);
      kept.set(way, client);
      return execute(await client, command);
    },
    ssh: (way, args, input) =>
      lab.run('ssh', ['-F', way === 'direct' ? direct : lab.config, ...args], input === undefined ? {} : { input }),
    async stopClients() {
      kept.clear();
      await Promise.all([...clients].map((client) => ended(client)));
      clients.clear();
    },
    fingerprint: () => [...entriesOf(dir, dir)].join('\n'),
    async stop() {
      await Promise.all([...clients].map((client) => ended(client)));
      await door.close();
      await lab.stop();
    },
  };
}

/** What is told of a connection that is not wanted any more does not matter. */
function ended(client: Client): Promise<void> {
  client.removeAllListeners('error').on('error', () => undefined);
  return new Promise((resolve) => {
    const socket = (client as unknown as { readonly _sock?: { readonly destroyed: boolean } })._sock;
    if (socket === undefined || socket.destroyed) return resolve();
    client.once('close', () => resolve());
    client.destroy();
  });
}

/** Runs a command to its end, its input closed. */
function execute(client: Client, command: string): Promise<Ended> {
  return new Promise((resolve, reject) =>
    client.exec(command, (error, channel) => {
      if (error !== undefined) return reject(error);
      let stdout = '';
      let stderr = '';
      let code: number | null = null;
      channel.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      channel.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      channel.once('exit', (status: number | null) => (code = status));
      channel.once('close', () => resolve({ code, stdout, stderr }));
      channel.end();
    }),
  );
}

function* entriesOf(root: string, dir: string): Generator<string> {
  for (const name of readdirSync(dir).sort()) {
    const path = join(dir, name);
    const found = lstatSync(path);
    const what = found.isSymbolicLink()
      ? readlinkSync(path)
      : found.isFile()
        ? createHash('sha256').update(readFileSync(path)).digest('hex')
        : '';
    yield `${relative(root, path)} ${found.mode.toString(8)} ${found.nlink} ${what}`;
    if (found.isDirectory()) yield* entriesOf(root, path);
  }
}
