import { afterEach, expect, it, vi } from 'vitest';
import { SluiceError } from '../../../../src/lib/errors.js';
import type { Conversation } from '../../../../src/protocols/postgres/conversation.js';
import { holdStatement } from '../../../../src/protocols/postgres/holding.js';
import type { Held } from '../../../../src/sessions/permit.js';

afterEach(() => void vi.useRealTimers());

it('goes on waiting when the record breaks meanwhile: what a reminder throws would end the gateway', async () => {
  vi.useFakeTimers();
  let isBroken = false;
  const told: string[] = [];
  const talk = {
    toClient: (bytes: Buffer) => told.push(bytes.toString()),
    now: () => 0,
    tracker: { isEmpty: true },
    backend: { hasQueued: false },
    unsynced: false,
    transaction: 'E',
  } as unknown as Conversation;
  const denied = { verdict: 'deny', op: 1, error: new SluiceError('denied', 'no') } as const;
  let decide: (verdict: typeof denied) => void = () => undefined;
  const decided = new Promise<typeof denied>((resolve) => (decide = resolve));
  const request = { id: 'req_1', message: 'ask', policies: ['p'], approvals: [], expiresAt: 3_600_000 };
  const waiting = holdStatement({ verdict: 'hold', op: 1, request, decided: () => decided } as unknown as Held, talk, {
    release: () => undefined,
    deliver() {
      if (isBroken) throw new SluiceError('recorder_failed', 'the disk is full');
    },
    idle: () => Promise.resolve(),
    signal: new AbortController().signal,
    onHold: () => undefined,
  });
  await vi.advanceTimersByTimeAsync(61_000);
  isBroken = true;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told.filter((text) => text.includes('still waiting'))).toHaveLength(2);
  decide(denied);
  expect(await waiting).toBe(denied);
});
