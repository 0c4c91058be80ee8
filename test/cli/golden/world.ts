import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { starterBundle } from '../../../src/quickstart/bundle.js';
import { seedShop } from '../../../src/quickstart/seed.js';
import { smallShop } from '../../../src/quickstart/shop-rows.js';
import { type GatewayUnderTest, type Role, startTestGateway } from '../../integration/gateway-harness.js';
import { tryPort } from '../../../src/quickstart/ports.js';
import { removePostgres } from '../../../src/quickstart/postgres.js';
import { startPostgres } from '../../support/postgres.js';

/** The one gateway that all cases run against: the starter bundle and a little more, in front of a real shop. */
export interface World {
  readonly gateway: GatewayUnderTest;
  /** The files of the bundle in force, for commands that read a folder. */
  readonly bundle: ReadonlyMap<string, string>;
  /** The robot's, which has read customers and was refused a DROP. */
  readonly session: string;
  token(role: Role): Promise<string>;
  /** A call to the API that must succeed; its document. */
  call(as: Role, method: string, path: string, body?: unknown): Promise<Readonly<Record<string, unknown>>>;
  /** A folder that lasts as long as this. */
  readonly dir: string;
  /** A session of the reviewer's that has ended. */
  endedSession(): Promise<string>;
  /** Puts a gateway that ran and has ended into the folder: its bootstrap file. */
  endedGateway(folder: string): Promise<string>;
  /** An emergency that reviewer2 has taken. */
  emergency(group: 'night-shift' | 'fire-watch'): Promise<string>;
  /** Attempts of the robot's to change the bundle, all refused: each tenth within an hour raises a signal. */
  tamper(times: number): Promise<void>;
  /** A request of the engineer's that waits for a DBA: another for every text. */
  pendingRequest(text: string): Promise<string>;
  /** An engineer has copied an e-mail address into customers.notes, as a DBA approved. */
  copied(): Promise<void>;
  stop(): Promise<void>;
}

const access = `  guests:
  night-shift:
  fire-watch:
  relays: { machines: [robot] }
access:
  guests: { for: [engineers], approvers: { dba: 1 }, max: 4h }
  night-shift:
    { for: [dba], approvers: { dba: 1 }, max: 4h, emergency: { for: [dba], max: 1h, reviewers: [reviewers] } }
  fire-watch: { for: [dba], approvers: { dba: 1 }, max: 4h, emergency: { for: [dba], max: 1h, reviewers: [reviewers] } }
`;
const hostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJrtF6Y4LhHeTPzPbOVyF2bvC9pY4YkGqqSmcSAFmu4j';
const sshTarget = `  - { name: web-1, kind: ssh, address: "127.0.0.1:1", username: app, secret: "vault:web-1", hostKey: "${hostKey}", labels: { env: demo }, relay: office }
`;

export async function startWorld(): Promise<World> {
  const server = await startPostgres();
  const dir = await mkdtemp(join(tmpdir(), 'sluice-golden-'));
  const { password } = await seedShop(server, { dir, size: smallShop });
  const bundle = new Map(starterBundle({ pgPort: server.port }));
  const targets = bundle.get('targets.yaml') ?? '';
  const [, demo = ''] = targets.split('  - name: demo-db\n');
  // Nothing listens there.
  const offline = demo.replace(/address: .*/, 'address: 127.0.0.1:1').replace('env: demo', 'env: demo, tier: offline');
  const relays = 'relays: { office: { groups: [relays] } }\n';
  bundle.set('targets.yaml', `${relays}${targets}  - name: offline-db\n${offline}${sshTarget}`);
  bundle.set('bindings.yaml', `${bundle.get('bindings.yaml') ?? ''}${access}`);
  const gateway = await startTestGateway({
    bundle,
    bootstrap: {
      listeners: {
        postgres: null,
        ssh: { host: '127.0.0.1', port: (await tryPort(0)) ?? 0, registeredKeys: { seenWithinMinutes: 60 } },
      },
    },
  });
  await gateway.gateway.setSecret('demo-db', password);

  const call: World['call'] = async (as, method, path, body) => {
    const answer = await gateway.call(method, path, { as, ...(body === undefined ? {} : { body }) });
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.document;
  };
  const read = await call('robot', 'POST', '/v1/exec', {
    target: 'demo-db',
    text: 'select id, name, email from customers order by id limit 2',
  });
  const session = String(read['session_id']);
  const tamper: World['tamper'] = async (times) => {
    for (let attempt = 0; attempt < times; attempt++) {
      const body = { files: Object.fromEntries(bundle), dry_run: false };
      const { status, text } = await gateway.call('POST', '/v1/bundle', { as: 'robot', body });
      if (status !== 403) throw new Error(`a robot may change the bundle: ${status} ${text}`);
    }
  };
  const past = join(dir, 'ended');
  await gateway.gateway.close({ graceMs: 1_000 });
  await cp(gateway.stateDir, past, { recursive: true });
  await gateway.restart();
  await tamper(10);
  await untilSignals(call, 2);
  await untilProbed(call);
  const emergency: World['emergency'] = async (group) => {
    const body = { name: group, duration_ms: 1_800_000, reason: 'INC-42', emergency: true };
    const { grant } = await call('reviewer2', 'POST', '/v1/access', body);
    return (grant as { readonly id: string }).id;
  };
  const ended = await emergency('night-shift');
  await call('reviewer', 'POST', `/v1/access/${ended}/revoke`, { comment: 'over' });
  return {
    gateway,
    bundle,
    dir,
    session,
    token: (role) => gateway.token(role),
    call,
    async endedGateway(folder) {
      await cp(past, join(folder, 'gateway'), { recursive: true });
      return writeBootstrap(folder);
    },
    async endedSession() {
      const done = await call('reviewer', 'POST', '/v1/exec', { target: 'demo-db', text: 'select 1' });
      return String(done['session_id']);
    },
    emergency,
    tamper,
    async pendingRequest(text) {
      const document = await call('engineer', 'POST', '/v1/requests', { target: 'demo-db', text, reason: 'INC-42' });
      return String((document['request'] as { readonly id: string }).id);
    },
    async copied() {
      const text = 'update customers set notes = email where id = 1';
      const target = 'demo-db';
      const document = await call('engineer', 'POST', '/v1/requests', { target, text, reason: 'INC-42' });
      const { id } = document['request'] as { readonly id: string };
      await call('reviewer2', 'POST', `/v1/requests/${id}/approve`, { comment: 'as agreed' });
      await call('engineer', 'POST', '/v1/exec', { target, text, request_id: id });
    },
    async stop() {
      await gateway.stop();
      await server.stop();
      const demo = join(dir, 'quickstart', 'postgres');
      if (existsSync(demo)) await removePostgres(demo);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function untilSignals(call: World['call'], count: number): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    const { signals } = await call('reviewer', 'GET', '/v1/signals');
    if ((signals as readonly unknown[]).length >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('no signal was raised');
}

/** Whether a target can be reached is found out once it is asked for, and takes longer on a busy machine. */
async function untilProbed(call: World['call']): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    const { targets } = await call('engineer', 'GET', '/v1/targets');
    if ((targets as readonly { readonly status: string }[]).every(({ status }) => status !== 'unknown')) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('a target was not probed');
}

/** The bootstrap file of a gateway on a port of its own, with its state beside it. Nothing is started. */
export async function writeBootstrap(folder: string): Promise<string> {
  const port = (await tryPort(0)) ?? 0;
  const url = `http://127.0.0.1:${port}`;
  const issuers = [{ url: `${url}/idp`, audience: url, clientId: 'sluice-cli' }];
  const bootstrap = { listen: { port }, publicUrl: url, stateDir: './gateway', issuers, demoIdentity: true };
  await writeFile(join(folder, 'gateway.yaml'), JSON.stringify(bootstrap));
  return 'gateway.yaml';
}
