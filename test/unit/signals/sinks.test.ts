import { expect, it } from 'vitest';
import { sinkSchema } from '../../../src/signals/sinks.js';

const isTaken = (sink: unknown): boolean => sinkSchema.safeParse(sink).success;

it.each([
  ['a bearer token', (url: string) => ({ type: 'http', url, tokenFile: '/run/secrets/siem' })],
  ['a hook whose URL is its secret', (url: string) => ({ type: 'webhook', format: 'slack', url })],
])('sends %s by https, or to this machine, alone', (_what, sink) => {
  for (const url of ['https://siem.example/in', 'http://127.0.0.1:8080/in', 'http://[::1]/in', 'http://localhost/in'])
    expect(isTaken(sink(url)), url).toBe(true);
  for (const url of ['http://siem.example/in', 'http://10.0.0.7/in', 'http://127.0.0.1.example/in', 'http://[::2]/in'])
    expect(isTaken(sink(url)), url).toBe(false);
});

it('sends events without a secret in clear where it is told to', () => {
  expect(isTaken({ type: 'http', url: 'http://vector:8080/' })).toBe(true);
  expect(isTaken({ type: 'webhook', url: 'http://bot:8080/', secretFile: 'webhook.secret' })).toBe(true);
});
