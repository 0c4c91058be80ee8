import { expect, it } from 'vitest';
import { Shutdown } from '../../../src/gateway/shutdown.js';

it('stops, drains, cuts, then closes what was opened last first', async () => {
  const steps: string[] = [];
  const shutdown = new Shutdown();
  shutdown.close(() => void steps.push('close store'));
  shutdown.close(() => void steps.push('close recorder'));
  shutdown.stop(
    async () => void steps.push('stop'),
    () => void steps.push('cut'),
  );
  shutdown.drain(async (graceMs) => void steps.push(`drain ${graceMs}`));
  await Promise.all([shutdown.run(50), shutdown.run(50)]);
  expect(steps).toEqual(['stop', 'drain 50', 'cut', 'close recorder', 'close store']);
});

it('cuts a server that does not stop by itself', async () => {
  const shutdown = new Shutdown();
  let release = (): void => undefined;
  shutdown.stop(
    () => new Promise<void>((resolve) => (release = resolve)),
    () => release(),
  );
  await shutdown.run(1);
});

it('goes on after a failure, and tells it at the end', async () => {
  const steps: string[] = [];
  const shutdown = new Shutdown();
  shutdown.close(() => void steps.push('store'));
  shutdown.close(() => {
    throw new Error('recorder');
  });
  await expect(shutdown.run(0)).rejects.toThrow('recorder');
  expect(steps).toEqual(['store']);
});
