import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { errorDocument } from '../../../src/gateway/schemas/error.js';
import { starterBundle } from '../../../src/quickstart/bundle.js';
import { cString, frame, int32 } from '../../../src/protocols/postgres/frames.js';
import { startTestGateway, type GatewayUnderTest, type Role } from '../../integration/gateway-harness.js';
import { startPeer } from '../../support/postgres-peer.js';

/** Who may apply bundles says where targets are, and must not have their secrets sent to a place of their own by that. */
let running: GatewayUnderTest;
/** What each of two servers was given as a password: the target, and one of who applies the bundle. */
const given: { target: string[]; theirs: string[] } = { target: [], theirs: [] };
const ports = { target: 0, theirs: 0 };
const stops: (() => Promise<void>)[] = [];
const hostKey = 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
const secret = 'the-password-of-the-target';

beforeAll(async () => {
  for (const name of ['target', 'theirs'] as const) {
    // Asks for the password in clear, keeps it, and lets nobody in.
    const peer = await startPeer({
      greet: (socket) => void socket.write(frame('R', int32(3))),
      answer: ({ payload }, socket) => {
        given[name].push(payload.subarray(0, -1).toString());
        socket.end(frame('E', cString('SFATAL'), cString('C28P01'), Buffer.from([0])));
      },
    });
    ports[name] = peer.port;
    stops.push(() => peer.stop());
  }
  running = await startTestGateway({ bundle: bundleWith(database('db', ports.target)) });
  stops.push(() => running.stop());
}, 60_000);
afterAll(async () => {
  for (const stop of stops.toReversed()) await stop();
});
beforeEach(async () => {
  running.gateway.applyBundle(bundleWith(database('db', ports.target)), 'as it was');
  await running.gateway.setSecret('db', secret);
  given.target = [];
  given.theirs = [];
});

const database = (name: string, port: number, more = 'tls: { mode: disable }'): string =>
  `  - { name: ${name}, kind: postgres, address: "127.0.0.1:${port}", database: d, username: u, secret: "vault:db", ${more}, labels: { env: demo } }\n`;

function bundleWith(...targets: readonly string[]): ReadonlyMap<string, string> {
  const files = new Map(starterBundle({ pgPort: 1 }));
  files.set('targets.yaml', `targets:\n${targets.join('')}`);
  files.set('classification.yaml', 'classes: {}\ncolumns: []\ndetectors: {}\n');
  for (const name of files.keys()) if (name.endsWith('.test.yaml') || name.startsWith('policies/')) files.delete(name);
  files.set('policies/all.cedar', '@id("all") permit (principal, action, resource);\n');
  return files;
}

/** Gives the secrets that the gateway says are to be set again. */
async function apply(...targets: readonly string[]): Promise<unknown> {
  const files = Object.fromEntries(bundleWith(...targets));
  const body = { files, message: 'mine', dry_run: false };
  const answer = await running.call('POST', '/v1/bundle', { as: 'reviewer', body });
  expect(answer.status, answer.text).toBe(200);
  return answer.document['secrets_to_set'];
}

const exec = async (target: string, as: Role = 'reviewer') => {
  const { document } = await running.call('POST', '/v1/exec', { as, body: { target, text: 'select 1' } });
  return errorDocument.parse(document).error;
};
const isSet = 'was not set for where this target would send it';

it('sends a secret to the target that it was set for', async () => {
  expect((await exec('db')).message).not.toContain(isSet);
  expect(given.target).toEqual([secret]);
});

it.each([
  ['the same target at another address', () => [database('db', ports.theirs)]],
  ['another target with the same secret', () => [database('db', ports.target), database('mine', ports.theirs)]],
])('sends it to nobody by a bundle that names %s', async (_what, targets) => {
  expect(await apply(...targets())).toEqual(['db']);
  const { message, next } = await exec(targets().length === 1 ? 'db' : 'mine');
  expect(message).toContain(isSet);
  expect(next[0]?.command).toBe('sluice secrets set db');
  running.gateway.applyBundle(bundleWith(...targets()), 'once more'); // nor by applying it again
  await exec(targets().length === 1 ? 'db' : 'mine');
  await running.restart(); // nor after a start
  await exec(targets().length === 1 ? 'db' : 'mine');
  expect(given.theirs).toEqual([]);
});

it('nor by one that asks less of who is there, or hands it to a program', async () => {
  await apply(database('db', ports.target, 'tls: { mode: require }'));
  expect((await exec('db')).message).toContain(isSet);
  const program = '{ argv: [/usr/bin/env], secretVariable: X }';
  await apply(`  - { name: tool, kind: command, command: ${program}, secret: "vault:db", labels: { env: demo } }\n`);
  const { text } = await running.call('POST', '/v1/exec', { as: 'reviewer', body: { target: 'tool', text: 'A=1' } });
  expect(text).toContain(isSet);
  expect(text).not.toContain(secret);
});

it('sends it to a new place when whoever knows it has set it again', async () => {
  await apply(database('db', ports.theirs));
  await running.gateway.setSecret('db', 'another password');
  await exec('db');
  expect(given.theirs).toEqual(['another password']);
});

it('takes one that is set before any target names it for where the next bundle sends it, and for no later one', async () => {
  await running.gateway.setSecret('early', secret);
  const early = (port: number): string => database('early', port).replace('vault:db', 'vault:early');
  expect(await apply(early(ports.target))).toEqual([]);
  await exec('early');
  expect(given.target).toEqual([secret]);
  await apply(early(ports.theirs));
  expect((await exec('early')).message).toContain('was not set for');
  expect(given.theirs).toEqual([]);
});

it('lets a private key open further machines, which it is not shown to', async () => {
  const machine = (name: string, port: number): string =>
    `  - { name: ${name}, kind: ssh, address: "127.0.0.1:${port}", username: u, secret: "vault:key", hostKey: "${hostKey}", labels: {} }\n`;
  await running.gateway.setSecret('key', '-----BEGIN OPENSSH PRIVATE KEY-----\nno more\n');
  expect(await apply(machine('one', 1))).toEqual([]);
  expect(await apply(machine('one', 1), machine('two', 2))).toEqual([]);
  await running.gateway.setSecret('key', 'a password');
  expect(await apply(machine('one', 1), machine('three', 3))).toEqual(['key']);
});
