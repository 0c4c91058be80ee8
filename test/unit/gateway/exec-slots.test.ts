import { expect, it } from 'vitest';
import { ExecSlots } from '../../../src/gateway/exec/slots.js';

it('bounds what runs for one and for all, and frees a place whatever happens', async () => {
  const slots = new ExecSlots(2, 1);
  let finish = (): void => undefined;
  const first = slots.hold('a', () => new Promise<void>((resolve) => (finish = resolve)));
  await expect(slots.hold('a', async () => 1)).rejects.toMatchObject({ code: 'unavailable' });
  let finishOther = (): void => undefined;
  const second = slots.hold('b', () => new Promise<void>((resolve) => (finishOther = resolve)));
  await expect(slots.hold('c', async () => 1)).rejects.toMatchObject({ code: 'unavailable' });
  finish();
  finishOther();
  await Promise.all([first, second]);
  await expect(slots.hold('a', () => Promise.reject(new Error('x')))).rejects.toThrow('x');
  expect(await slots.hold('a', async () => 2)).toBe(2);
  expect(slots.running).toBe(0);
});
