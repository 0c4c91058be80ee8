import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tryPort } from '../../src/quickstart/ports.js';
import { removePostgres } from '../../src/quickstart/postgres.js';
import { smallShop } from '../../src/quickstart/shop-rows.js';
import { startStack } from '../../src/quickstart/stack.js';

it('takes another port than the last time where somebody has taken that while PostgreSQL started', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'sluice-port-'));
  const known = (await tryPort(0)) ?? 0;
  await writeFile(join(stateDir, 'quickstart.json'), '{}');
  await writeFile(join(stateDir, 'gateway.json'), `{\n  "port": ${known},\n}\n`);
  const other = createServer();
  const stack = await startStack({
    stateDir,
    port: 0,
    env: { ...process.env, SLUICE_LOG_LEVEL: 'warn' },
    shop: { size: smallShop, lasting: false, major: null },
    announce: ({ event }) => void (event === 'postgres' && other.listen(known, '127.0.0.1')),
  });
  try {
    expect(other.listening).toBe(true);
    expect(new URL(stack.url).port).not.toBe(String(known));
    expect((await fetch(new URL('/healthz', stack.url))).status).toBe(200);
  } finally {
    await stack.stop();
    other.close();
    await removePostgres(join(stateDir, 'postgres'));
    await rm(stateDir, { recursive: true, force: true });
  }
});
