import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startSshd, type TestSshd } from '../test/support/sshd.js';
import { firstLine, unusedPort } from './peers.js';

/** The ways to one and the same sshd. `detected` is a gateway whose detectors look at everything that is said. */
export type Way = 'direct' | 'jumped' | 'gateway' | 'detected';
export const ways: readonly Way[] = ['direct', 'jumped', 'gateway', 'detected'];

/** One sshd, a second one to jump over, and gateways, all on loopback. */
export interface SshPeers {
  /** For `ssh -F`; its hosts are the ways. */
  readonly config: string;
  readonly dir: string;
  /** CPU profile of the gateway while `work` runs, saved in Chrome's .cpuprofile form. */
  profile(way: 'gateway' | 'detected', file: string, work: () => Promise<unknown>): Promise<void>;
  stop(): Promise<void>;
}

export async function startSshPeers(): Promise<SshPeers> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-bench-ssh-'));
  const servers: TestSshd[] = [];
  const gateways: Partial<Record<Way, ChildProcess>> = {};
  const masters: ChildProcess[] = [];
  const config = join(dir, 'config');
  const stop = async (): Promise<void> => {
    for (const child of [...masters, ...Object.values(gateways)]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    for (const server of servers) await server.stop();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const [far, jump] = [await startSshd(), await startSshd()];
    servers.push(far, jump);
    const key = join(dir, 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const hosts: string[] = [];
    const host = (name: string, port: number, ...lines: readonly string[]): void => {
      hosts.push(`Host ${name}`, '  HostName 127.0.0.1', `  Port ${port}`, ...lines.map((line) => `  ${line}`));
    };
    const farKey = [`User ${far.user}`, `IdentityFile ${join(far.dir, 'user_key')}`];
    host('jump', jump.port, `User ${jump.user}`, `IdentityFile ${join(jump.dir, 'user_key')}`, 'ControlPath none');
    host('direct', far.port, ...farKey);
    host('jumped', far.port, ...farKey, 'ProxyJump jump');
    for (const way of ['gateway', 'detected'] as const) {
      const detects = way === 'detected';
      const child = spawn(process.execPath, [fileURLToPath(new URL('./ssh-gateway-process.js', import.meta.url))], {
        stdio: ['pipe', 'pipe', 'inherit', 'ipc'],
      });
      gateways[way] = child;
      const { port: sshPort, user, hostKey, privateKey } = far;
      const sshd = { port: sshPort, user, hostKey, privateKey };
      child.stdin?.end(JSON.stringify({ stateDir: join(dir, way), port: await unusedPort(), sshd, detects }));
      const { url, port, token } = JSON.parse(await firstLine(child)) as { url: string; port: number; token: string };
      const certificate = join(dir, `${way}-cert.pub`);
      await writeFile(certificate, await certify(url, token, await readFile(`${key}.pub`, 'utf8')));
      host(way, port, 'User bench', `IdentityFile ${key}`, `CertificateFile ${certificate}`);
    }
    const common = ['StrictHostKeyChecking no', 'UserKnownHostsFile /dev/null', 'LogLevel ERROR', 'BatchMode yes'];
    const alone = ['IdentitiesOnly yes', 'IdentityAgent none', `ControlPath ${join(dir, 'cm-%n')}`];
    await writeFile(config, [...hosts, 'Host *', ...[...common, ...alone].map((line) => `  ${line}`), ''].join('\n'));
    for (const way of ways) masters.push(await openMaster(config, way));
    return {
      config,
      dir,
      async profile(way, file, work) {
        const gateway = gateways[way];
        gateway?.send('profile');
        await work();
        gateway?.send({ saveProfile: file });
        if (gateway !== undefined) await once(gateway, 'message');
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function certify(url: string, token: string, publicKey: string): Promise<string> {
  const answer = await fetch(`${url}/v1/ssh/certificate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ public_key: publicKey }),
  });
  if (!answer.ok) throw new Error(`no certificate: ${await answer.text()}`);
  const { certificate } = (await answer.json()) as { certificate: string };
  return `${certificate}\n`;
}

/** A connection that stays, so that what is timed over it is not the login. */
async function openMaster(config: string, way: Way): Promise<ChildProcess> {
  const master = spawn('ssh', ['-F', config, '-o', 'ControlMaster=yes', '-N', way], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  for (;;) {
    if (spawnSync('ssh', ['-F', config, '-O', 'check', way], { stdio: 'ignore' }).status === 0) return master;
    if (master.exitCode !== null) throw new Error(`no way to the target: ${way}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
