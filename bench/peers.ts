import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile, chown, chmod } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startPostgres } from '../test/support/postgres.js';
import type { Address } from './pgbench.js';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export interface Memory {
  readonly rss: number;
  readonly peak: number;
}

/** Everything that is measured, side by side, on loopback. */
export interface Peers {
  readonly direct: Address;
  readonly relay: Address;
  readonly twoHopTlsRelay: Address;
  readonly pgbouncer: Address | null;
  /** The gateway's native listener: recording strict, policy and masking on. */
  readonly gateway: Address;
  /** The same with recording durable, and without recording. */
  readonly durable: Address;
  readonly unrecorded: Address;
  /** A gateway without classification, detectors, prohibitions and recording. */
  readonly plain: Address;
  /** The gateway behind a local agent's tunnel over TLS. */
  readonly tunnel: Address;
  /** Resident bytes of the gateway's process after a collection, and the most there ever were. */
  gatewayMemory(): Promise<Memory>;
  /** CPU profile of the gateway while `work` runs, saved in Chrome's .cpuprofile form. */
  profile(file: string, work: () => Promise<unknown>): Promise<void>;
  sql(text: string): Promise<void>;
  stop(): Promise<void>;
}

interface StartedGateway {
  readonly url: string;
  readonly listener: number;
  readonly token: string;
  readonly child: ChildProcess;
}

export async function startPeers(): Promise<Peers> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-bench-'));
  const children: ChildProcess[] = [];
  const postgres = await startPostgres();
  const { port, superuser: user, password } = postgres;
  const direct: Address = { port, user, password, database: 'postgres' };
  const stop = async (): Promise<void> => {
    for (const child of children) child.kill('SIGTERM');
    await Promise.all(children.filter(({ exitCode }) => exitCode === null).map((child) => once(child, 'exit')));
    await postgres.stop();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const relayTo = async (listen: object, to: object): Promise<number> => {
      const child = spawn(process.execPath, [here('../../bench/relay.js'), JSON.stringify({ listen, to })], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      children.push(child);
      return Number(await firstLine(child));
    };
    const relay = await relayTo({}, { port });
    const pair = selfSigned(dir);
    const tls = { cert: await readFile(pair.cert, 'utf8'), key: await readFile(pair.key, 'utf8') };
    const far = await relayTo({ tls }, { port });
    const near = await relayTo({}, { port: far, tls: { ca: tls.cert } });

    const startGateway = async (stateDir: string, plain: boolean): Promise<StartedGateway> => {
      const process_ = spawn(process.execPath, ['--expose-gc', here('./gateway-process.js')], {
        stdio: ['pipe', 'pipe', 'inherit', 'ipc'],
        env: { ...process.env, NODE_EXTRA_CA_CERTS: pair.cert },
      });
      children.push(process_);
      const own = { stateDir, port: await unusedPort(), postgresPort: port, database: 'postgres', plain };
      process_.stdin?.end(JSON.stringify({ ...own, user, password, tls: pair }));
      const ready = JSON.parse(await firstLine(process_)) as Omit<StartedGateway, 'child'>;
      return { ...ready, child: process_ };
    };
    const [main, plain] = await Promise.all([
      startGateway(join(dir, 'gateway'), false),
      startGateway(join(dir, 'plain'), true),
    ]);
    const { url, token, child: gateway } = main;
    const through = ({ listener, token: secret }: StartedGateway, database: string): Address => ({
      ...{ port: listener, user: 'bench', password: secret, database },
    });
    const agent = spawn(process.execPath, [here('./agent-process.js')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.push(agent);
    agent.stdin?.end(JSON.stringify({ url, token, caFile: pair.cert }));
    const tunnel = JSON.parse(await firstLine(agent)) as { port: number; password: string };
    return {
      direct,
      relay: { ...direct, port: relay },
      twoHopTlsRelay: { ...direct, port: near },
      pgbouncer: await startPgbouncer(dir, direct, children),
      gateway: through(main, 'bench'),
      durable: through(main, 'bench-durable'),
      unrecorded: through(main, 'bench-off'),
      plain: through(plain, 'bench-off'),
      tunnel: { ...tunnel, user: 'bench', database: 'bench' },
      async gatewayMemory() {
        gateway.send('memory');
        const [memory] = (await once(gateway, 'message')) as [Memory];
        return memory;
      },
      async profile(file, work) {
        gateway.send('profile');
        await work();
        gateway.send({ saveProfile: file });
        await once(gateway, 'message');
      },
      async sql(text) {
        await postgres.query(text);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

export async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('no output to read');
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error('the process ended before it was ready');
}

export async function unusedPort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function selfSigned(dir: string): { readonly cert: string; readonly key: string } {
  const cert = join(dir, 'cert.pem');
  const key = join(dir, 'key.pem');
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost',
      '-keyout',
      key,
      '-out',
      cert,
    ],
    { stdio: 'ignore' },
  );
  return { cert, key };
}

/** pgbouncer with session pooling where it is installed; it refuses root, so it runs as another user. */
async function startPgbouncer(dir: string, direct: Address, children: ChildProcess[]): Promise<Address | null> {
  try {
    execFileSync('pgbouncer', ['--version'], { stdio: 'ignore' });
  } catch {
    return null;
  }
  const uid = process.getuid?.() === 0 ? 65534 : null;
  const port = await unusedPort();
  const config = join(dir, 'pgbouncer.ini');
  await writeFile(join(dir, 'users.txt'), `"${direct.user}" "${direct.password}"\n`);
  await writeFile(
    config,
    `[databases]\npostgres = host=127.0.0.1 port=${direct.port} dbname=postgres\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=${port}\nunix_socket_dir=\nauth_type=scram-sha-256\nauth_file=${join(dir, 'users.txt')}\npool_mode=session\ndefault_pool_size=60\nmax_client_conn=200\nlog_connections=0\nlog_disconnections=0\n`,
  );
  await chmod(dir, 0o755);
  if (uid !== null) for (const name of ['users.txt', 'pgbouncer.ini']) await chown(join(dir, name), uid, uid);
  const child = spawn('pgbouncer', ['-q', config], {
    stdio: ['ignore', 'inherit', 'inherit'],
    ...(uid === null ? {} : { uid, gid: uid }),
  });
  children.push(child);
  await untilListening(child, port);
  return { ...direct, port };
}

/** Throws when the process ends first: what it said stands above. */
async function untilListening(child: ChildProcess, port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      if (child.exitCode !== null) throw new Error(`${child.spawnfile} has ended with ${child.exitCode}`);
      await sleep(20);
    } finally {
      socket.destroy();
    }
  }
}
