import { starterBundle } from '../../../src/quickstart/bundle.js';
import { seedShop } from '../../../src/quickstart/seed.js';
import { smallShop } from '../../../src/quickstart/shop-rows.js';
import { type GatewayUnderTest, startTestGateway } from '../../integration/gateway-harness.js';
import { type GatewayProcess, gatewayProcess } from '../../support/gateway-process.js';
import { startPostgres, type TestPostgres } from '../../support/postgres.js';
import { type CliOptions, type CliRun, runCli } from './run-cli.js';

/** A shop behind a gateway in a process of its own, which can be killed and whose memory can be looked at. */
export interface ServedShop {
  readonly server: TestPostgres;
  readonly gateway: GatewayUnderTest;
  /** Not started yet. */
  readonly serving: GatewayProcess;
  /** The engineer's, good for 50 minutes. */
  readonly token: string;
  /** `sluice exec` as the engineer, stdin closed. */
  exec(args: readonly string[], options?: CliOptions): Promise<CliRun>;
  stop(): Promise<void>;
}

/** `home`: of the command line. `change`: what becomes of the starter bundle's targets.yaml. */
export async function prepareServedShop(home: string, change = (targets: string) => targets): Promise<ServedShop> {
  const server = await startPostgres();
  const { password } = await seedShop(server, { dir: home, size: smallShop });
  const bundle = new Map(starterBundle({ pgPort: server.port }));
  bundle.set('targets.yaml', change(bundle.get('targets.yaml') ?? ''));
  // Set up in this process, then served by the other.
  const gateway = await startTestGateway({ pgPort: server.port, bundle });
  await gateway.gateway.setSecret('demo-db', password);
  const token = await gateway.token('engineer', { expiresInSeconds: 3_000 });
  await gateway.gateway.close({ graceMs: 0 });
  const serving = await gatewayProcess(gateway, { dir: home });
  return {
    server,
    gateway,
    serving,
    token,
    exec: (args, options = {}) =>
      runCli(home, ['exec', ...args], {
        input: null,
        ...options,
        env: { SLUICE_GATEWAY: gateway.url, SLUICE_TOKEN: token, ...options.env },
      }),
    async stop() {
      await serving.kill();
      await gateway.stop();
      await server.stop();
    },
  };
}
