import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listenOnPort, listenOnStablePort, preferredPort } from '../../../src/agent/stable-ports.js';
import { tunnelCommand, tunnelEnvLines, tunnelJson, tunnelUri } from '../../../src/agent/tunnel-formats.js';
import { temporaryEnvironment } from '../client/small-gateway.js';

let environment: ReturnType<typeof temporaryEnvironment>;
let servers: Server[];
beforeEach(() => {
  environment = temporaryEnvironment();
  servers = [];
});
afterEach(() => {
  for (const server of servers) server.close();
  environment.remove();
});

function make(): Server {
  const server = createServer();
  servers.push(server);
  return server;
}
const closed = (server: Server): Promise<unknown> => new Promise((resolve) => server.close(resolve));
const stable = (server: Server, target: string): Promise<number> =>
  listenOnStablePort(server, { stateDir: environment.stateDir, profile: 'default', target });

test('the preferred port depends on profile and target alone', () => {
  expect(preferredPort('a', 'db')).toBe(preferredPort('a', 'db'));
  expect(preferredPort('a', 'db')).not.toBe(preferredPort('b', 'db'));
  for (const target of ['x', 'y', 'z']) {
    expect(preferredPort('p', target)).toBeGreaterThanOrEqual(15_000);
    expect(preferredPort('p', target)).toBeLessThan(20_000);
  }
});

test('a target keeps its port', async () => {
  const server = make();
  const port = await stable(server, 'db-ports-a');
  await closed(server);
  expect(await stable(make(), 'db-ports-a')).toBe(port);
});

test('a first port that is taken gives way to the next, which is then remembered', async () => {
  const preferred = preferredPort('default', 'db-ports-b');
  const squatter = make();
  await listenOnPort(squatter, preferred);
  const server = make();
  const port = await stable(server, 'db-ports-b');
  expect(port).not.toBe(preferred);
  await closed(squatter);
  await closed(server);
  expect(await stable(make(), 'db-ports-b')).toBe(port);
});

test('a remembered port that is busy is an error that names who has it, never another port', async () => {
  const port = await stable(make(), 'db-ports-c');
  await expect(stable(make(), 'db-ports-c')).rejects.toMatchObject({
    code: 'local',
    message: expect.stringMatching(new RegExp(`^Port ${port} is in use( by .+ \\(pid ${process.pid}\\))?$`)) as string,
  });
});

test('prints what drivers and shells take', () => {
  const address = { target: 'demo db', host: '127.0.0.1', port: 15_432, password: "p/w'x" };
  const uri = "postgresql://sluice:p%2Fw'x@127.0.0.1:15432/demo%20db?sslmode=disable";
  expect(tunnelUri(address)).toBe(uri);
  expect(tunnelCommand(address)).toBe(
    `psql 'postgresql://sluice:p%2Fw'\\''x@127.0.0.1:15432/demo%20db?sslmode=disable'`,
  );
  expect(tunnelEnvLines(address)).toBe(
    `export PGHOST=127.0.0.1\nexport PGPORT=15432\nexport PGUSER=sluice\nexport PGPASSWORD='p/w'\\''x'\nexport PGDATABASE='demo db'\nexport PGSSLMODE=disable\n`,
  );
  expect(tunnelJson(address)).toMatchObject({ protocol: 'postgres', port: 15_432, user: 'sluice', uri });
});
