import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { starterBundle } from '../../../src/quickstart/bundle.js';
import { seedShop } from '../../../src/quickstart/seed.js';
import { smallShop } from '../../../src/quickstart/shop-rows.js';
import { type GatewayUnderTest, type Role, startTestGateway } from '../../integration/gateway-harness.js';
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
  /** A request of the engineer's that waits for a DBA: another for every text. */
  pendingRequest(text: string): Promise<string>;
  stop(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const server = await startPostgres();
  const dir = await mkdtemp(join(tmpdir(), 'sluice-golden-'));
  const { password } = await seedShop(server, { dir, size: smallShop });
  const bundle = new Map(starterBundle({ pgPort: server.port }));
  const targets = bundle.get('targets.yaml') ?? '';
  const [, demo = ''] = targets.split('  - name: demo-db\n');
  // Nothing listens there.
  const offline = demo.replace(/address: .*/, 'address: 127.0.0.1:1').replace('env: demo', 'env: demo, tier: offline');
  bundle.set('targets.yaml', `${targets}  - name: offline-db\n${offline}`);
  const gateway = await startTestGateway({ pgPort: server.port, bundle });
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
  return {
    gateway,
    bundle,
    session,
    token: (role) => gateway.token(role),
    call,
    async pendingRequest(text) {
      const document = await call('engineer', 'POST', '/v1/requests', { target: 'demo-db', text, reason: 'INC-42' });
      return String((document['request'] as { readonly id: string }).id);
    },
    async stop() {
      await gateway.stop();
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
