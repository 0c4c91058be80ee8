import { type AddressInfo, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { TargetStatuses } from '../../../src/gateway/target-status.js';

it('says whether a target answers, and remembers it for five seconds', async () => {
  let now = 0;
  let dials = 0;
  const server = createServer((socket) => {
    dials += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const statuses = new TargetStatuses(() => now);
  const target = { name: 't', host: '127.0.0.1', port };

  expect(await Promise.all([statuses.of(target, 2_000), statuses.of(target, 2_000)])).toEqual(['online', 'online']);
  expect(dials).toBe(1);

  await new Promise<void>((resolve) => server.close(() => resolve()));
  now = 4_999;
  expect(await statuses.of(target, 2_000)).toBe('online');
  now = 5_000;
  expect(await statuses.of(target, 2_000)).toBe('offline');
});

it('answers with what it last knew rather than wait', async () => {
  const statuses = new TargetStatuses(() => 0);
  expect(await statuses.of({ name: 't', host: '127.0.0.1', port: 1 }, 0)).toBe('unknown');
});
