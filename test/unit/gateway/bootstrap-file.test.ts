import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readBootstrap } from '../../../src/gateway/bootstrap-file.js';
import { writeBootstrapTemplate } from '../../../src/gateway/bootstrap-template.js';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-bootstrap-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

it('reads the template that it writes', async () => {
  const file = await writeBootstrapTemplate(dir);
  const bootstrap = readBootstrap(file);
  expect(bootstrap.listen).toEqual({ host: '127.0.0.1', port: 7480, tls: null });
  expect(bootstrap.stateDir).toBe(join(dir, 'state'));
});

it('never writes over a file that is there', async () => {
  const file = await writeBootstrapTemplate(dir);
  await writeFile(file, 'mine');
  await expect(writeBootstrapTemplate(dir)).rejects.toMatchObject({ code: 'local' });
  expect(await readFile(file, 'utf8')).toBe('mine');
});

it('names file, line and column of what is wrong', async () => {
  const file = join(dir, 'gateway.yaml');
  await writeFile(file, 'listen: { host: 127.0.0.1 }\npublicUrl: http://127.0.0.1:1\nstateDirr: ./x\nissuers: []\n');
  expect(() => readBootstrap(file)).toThrow(/gateway\.yaml:3:1: unknown key "stateDirr".*stateDir/);
});

it('takes JSON too, and resolves certificates beside the file', async () => {
  const file = join(dir, 'gateway.json');
  const issuer = { url: 'https://login.example.com', audience: 'a', clientId: 'c' };
  const listen = { tls: { cert: 'cert.pem', key: '/etc/key.pem' } };
  await writeFile(
    file,
    JSON.stringify({ listen, publicUrl: 'https://gw.example.com', stateDir: '/srv/state', issuers: [issuer] }),
  );
  const bootstrap = readBootstrap(file);
  expect(bootstrap.listen.tls).toEqual({ cert: join(dir, 'cert.pem'), key: '/etc/key.pem' });
  expect(bootstrap.stateDir).toBe('/srv/state');
});

it('says how to begin when there is no file', () => {
  expect(() => readBootstrap(join(dir, 'none.yaml'))).toThrow(/cannot read .*none\.yaml/);
});
