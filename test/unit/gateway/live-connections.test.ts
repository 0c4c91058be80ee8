import { expect, it } from 'vitest';
import { type LiveConnection, LiveConnections } from '../../../src/gateway/live-connections.js';

const principal = { id: 'i#a', name: 'a', kind: 'human', issuer: 'i', mfa: false, groups: [] } as const;

/** An engine that ends when it is told to, as a real one does, and says why it was told. */
function obedient(reasons: unknown[]): (signal: AbortSignal) => Promise<void> {
  return (signal) =>
    new Promise((resolve) => {
      const end = (): void => {
        reasons.push(signal.reason);
        resolve();
      };
      if (signal.aborted) end();
      else signal.addEventListener('abort', end);
    });
}

function connection(target: string, cut = (): void => undefined): LiveConnection {
  return { target, principal, cut };
}

it('tells every engine that the gateway drains, and waits for them', async () => {
  const connections = new LiveConnections();
  const reasons: unknown[] = [];
  const running = [
    connections.run(connection('a'), new AbortController(), obedient(reasons)),
    connections.run(connection('b'), new AbortController(), obedient(reasons)),
  ];
  expect(connections.size).toBe(2);
  expect(await connections.drain(10_000)).toBe(0);
  await Promise.all(running);
  expect(reasons).toEqual(['draining', 'draining']);
  expect(connections.size).toBe(0);
});

it('cuts an engine that does not end in time', async () => {
  const connections = new LiveConnections();
  let end = (): void => undefined;
  const running = connections.run(
    connection('a', () => end()),
    new AbortController(),
    () => new Promise<void>((resolve) => (end = resolve)),
  );
  expect(await connections.drain(1)).toBe(1);
  await running;
  expect(connections.size).toBe(0);
});

it('ends a connection that comes while it drains', async () => {
  const connections = new LiveConnections();
  await connections.drain(0);
  const reasons: unknown[] = [];
  await connections.run(connection('a'), new AbortController(), obedient(reasons));
  expect(reasons).toEqual(['draining']);
});

it('ends only the connections that are refused now', async () => {
  const connections = new LiveConnections();
  const reasons: unknown[] = [];
  const kept: unknown[] = [];
  const ended = connections.run(connection('gone'), new AbortController(), obedient(reasons));
  void connections.run(connection('kept'), new AbortController(), obedient(kept));
  expect(connections.endWhere(({ target }) => target === 'gone')).toBe(1);
  await ended;
  expect(reasons).toEqual(['revoked']);
  expect(kept).toEqual([]);
  await connections.drain(1_000);
});

it('forgets a connection whose engine failed', async () => {
  const connections = new LiveConnections();
  await expect(
    connections.run(connection('a'), new AbortController(), () => Promise.reject(new Error('x'))),
  ).rejects.toThrow('x');
  expect(connections.size).toBe(0);
});
