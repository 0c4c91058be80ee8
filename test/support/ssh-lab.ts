import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { splice } from '../../src/agent/splice.js';
import type { Bootstrap } from '../../src/gateway/config.js';
import { SluiceClient } from '../../src/client/api.js';
import { Transport } from '../../src/client/transport.js';
import type { SessionEvent } from '../../src/recording/events.js';
import { transcriptOf } from '../../src/recording/playback/text.js';
import { readEvents } from '../../src/recording/read.js';
import { startTestGateway, type GatewayUnderTest, type Role } from '../integration/gateway-harness.js';
import { startSshd, type TestSshd } from './sshd.js';

/** What a program said and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A gateway in front of a real sshd, and OpenSSH's own clients in front of the gateway. */
export interface SshLab {
  readonly sshd: TestSshd;
  readonly gateway: GatewayUnderTest;
  /** Options that make ssh, scp and sftp go through the gateway as the engineer. */
  readonly config: string;
  /** Has the gateway's host key, under the name `sluice-gateway`. */
  readonly knownHosts: string;
  /** Runs a program to its end. */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** `ssh -F config web-1 …` */
  ssh(...args: readonly string[]): Promise<Ended>;
  /** `ssh -F config …`, the host among the words. */
  sshTo(args: readonly string[], input?: string): Promise<Ended>;
  /** The sessions on web-1 or another target, newest first, with all their operations, once none is live. */
  sessions(target?: string): Promise<readonly RecordedSession[]>;
  transcript(id: string): Promise<string>;
  events(id: string): Promise<readonly SessionEvent[]>;
  apply(policies: string): void;
  stop(): Promise<void>;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export interface RecordedSession {
  readonly id: string;
  readonly state: string;
  readonly operations: readonly {
    readonly op: number;
    readonly kind: string;
    readonly text: string;
    readonly effects: readonly string[];
    readonly verdict: string | null;
    readonly error: string | null;
  }[];
}

export const openPolicy = '@id("everything")\npermit (principal, action, resource);\n';

/** A lab with detectors on, and two folders to move files between: one on the "machine", one on the person's side. */
export async function startFileLab(): Promise<{ readonly lab: SshLab; readonly there: string; readonly here: string }> {
  const lab = await startSshLab({ detectors: '{ email: mask, token: mask }' });
  const [there, here] = [join(lab.sshd.dir, 'there'), join(lab.sshd.dir, 'here')];
  for (const dir of [there, here]) await mkdir(dir);
  return { lab, there, here };
}

export async function startSshLab(
  options: {
    readonly policies?: string;
    readonly hostKey?: string;
    readonly detectors?: string;
    readonly moreTargets?: string;
    /** Names under which the same machine is a target once more. */
    readonly alike?: readonly string[];
    /** Relays that machines of the role `robot` may serve. */
    readonly relays?: readonly string[];
    readonly keepFileBytes?: number;
    readonly clock?: () => number;
    readonly seenWithinMinutes?: number;
    readonly log?: Logger;
    readonly recordings?: Bootstrap['recordings'];
  } = {},
): Promise<SshLab> {
  const sshd = await startSshd();
  const hostKey = options.hostKey ?? sshd.hostKey;
  const relayRules = (options.relays ?? []).map((name) => `${name}: { groups: [relays] }`);
  const relays = relayRules.length === 0 ? '' : `relays: { ${relayRules.join(', ')} }\n`;
  const machine = (name: string): string =>
    `  - { name: ${name}, kind: ssh, address: "127.0.0.1:${sshd.port}", username: ${sshd.user}, secret: "vault:web-1", hostKey: "${hostKey}", labels: { env: prod }, keepFileBytes: ${options.keepFileBytes ?? 0} }\n`;
  const moreTargets = (options.alike ?? []).map(machine).join('') + (options.moreTargets ?? '');
  const files = (policies: string): ReadonlyMap<string, string> =>
    new Map([
      ['targets.yaml', `${relays}targets:\n${machine('web-1')}${moreTargets}`],
      ['classification.yaml', `classes: {}\ncolumns: []\ndetectors: ${options.detectors ?? '{}'}\n`],
      ['bindings.yaml', 'groups: { dba: { claims: { groups: [dba] } }, relays: { machines: [robot] } }\n'],
      ['policies/test.cedar', policies],
    ]);
  const gateway = await startTestGateway({
    bundle: files(options.policies ?? openPolicy),
    bootstrap: {
      listeners: {
        postgres: null,
        ssh: { host: '127.0.0.1', port: 0, registeredKeys: { seenWithinMinutes: options.seenWithinMinutes ?? 720 } },
      },
      ...(options.recordings === undefined ? {} : { recordings: options.recordings }),
    },
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.log === undefined ? {} : { log: options.log }),
  });
  await gateway.gateway.setSecret('web-1', sshd.privateKey);
  const dir = await mkdtemp(join(tmpdir(), 'sluice-ssh-lab-'));
  const names = ['web-1', ...moreTargets.matchAll(/name: ([\w-]+)/g)].map((found) =>
    typeof found === 'string' ? found : (found[1] ?? ''),
  );
  const doors = await Promise.all(names.map((name) => openDoor(gateway, 'engineer', name)));
  const hostKeyOf = await gateway.call('GET', '/v1/ssh', { as: 'engineer' });
  await writeFile(join(dir, 'known_hosts'), `sluice-gateway ${String(hostKeyOf.document['host_key'])}\n`);
  const config = join(dir, 'config');
  await writeFile(
    config,
    doors.map(({ port }, index) => `Host ${names[index] ?? ''}\n  HostName 127.0.0.1\n  Port ${port}\n`).join('') +
      `Host *\n  User anyone\n  HostKeyAlias sluice-gateway\n` +
      `  UserKnownHostsFile ${join(dir, 'known_hosts')}\n  StrictHostKeyChecking yes\n  BatchMode yes\n  LogLevel ERROR\n` +
      '  ControlPath none\n',
  );
  const run: SshLab['run'] = (program, args, given = {}) => runToEnd(program, args, given);
  return {
    sshd,
    gateway,
    config,
    knownHosts: join(dir, 'known_hosts'),
    run,
    ssh: (...args) => run('ssh', ['-F', config, 'web-1', ...args]),
    sshTo: (args, input) => run('ssh', ['-F', config, ...args], input === undefined ? {} : { input }),
    async sessions(target = 'web-1') {
      const list = await untilNoneLive(gateway, target);
      return Promise.all(
        list.map(async ({ id, state }) => {
          const { document } = await gateway.call('GET', `/v1/sessions/${id}`, { as: 'engineer' });
          return { id, state, operations: document['operations'] as RecordedSession['operations'] };
        }),
      );
    },
    events: (id) => eventsOf(gateway, id),
    async transcript(id) {
      return transcriptOf(await eventsOf(gateway, id));
    },
    apply: (policies) => void gateway.gateway.applyBundle(files(policies), 'for a test'),
    async stop() {
      for (const door of doors) await door.close();
      await gateway.stop();
      await sshd.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function eventsOf(gateway: GatewayUnderTest, id: string): Promise<readonly SessionEvent[]> {
  const token = await gateway.token('engineer');
  const answer = await fetch(`${gateway.url}/v1/sessions/${id}/journal`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const events: SessionEvent[] = [];
  for await (const event of readEvents(new Uint8Array(await answer.arrayBuffer()))) events.push(event);
  return events;
}

interface Listed {
  readonly id: string;
  readonly state: string;
}

async function untilNoneLive(gateway: GatewayUnderTest, target: string): Promise<readonly Listed[]> {
  for (let attempt = 0; ; attempt++) {
    const { document } = await gateway.call('GET', `/v1/sessions?target=${target}`, { as: 'engineer' });
    const sessions = document['sessions'] as readonly Listed[];
    if (sessions.every(({ state }) => state !== 'live')) return sessions;
    if (attempt > 1_200) throw new Error('a session stays live');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A port whose every connection is a tunnel of this user: what a ProxyCommand does, without a process for each. */
export async function openDoor(
  gateway: GatewayUnderTest,
  role: Role,
  target = 'web-1',
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const client = new SluiceClient({
    gateway: gateway.url,
    transport: new Transport({ caFile: null, proxy: null }),
    tokens: { get: () => gateway.token(role), renew: () => Promise.resolve(null) },
  });
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    client.openTunnel(target).then(
      (far) => splice(socket, far),
      () => socket.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function runToEnd(program: string, args: readonly string[], options: RunOptions): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...options.env },
      timeout: options.timeoutMs ?? 170_000,
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (piece: Buffer) => out.push(piece));
    child.stderr.on('data', (piece: Buffer) => err.push(piece));
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({ code, stdout: Buffer.concat(out).toString('utf8'), stderr: Buffer.concat(err).toString('utf8') }),
    );
  });
}
