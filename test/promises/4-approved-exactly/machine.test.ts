import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openPolicy, type Ended } from '../../support/ssh-lab.js';
import { openMachine, type Machine } from '../support/machine.js';

// A command on a machine is approved as it was asked for, for who asked, once.

const policies =
  `${openPolicy}@id("ask") @approval("dba") @message("Ask first.")\n` +
  'forbid (principal, action == Action::"exec", resource) when { context.program == "dd" } unless { context.approvals.contains("dba") };\n';
let machine: Machine;
let count: string;
beforeAll(async () => {
  machine = await openMachine({ policies });
});
afterAll(() => machine.stop());
beforeEach(() => {
  machine.restore();
  machine.lab.apply(policies);
  count = join(machine.dir, 'pub', 'count');
});

/** Appends one byte each time that it runs. */
const counting = (): string => `dd if=/dev/zero of=${count} bs=1 count=1 oflag=append conv=notrunc status=none`;
const runs = (): number => (existsSync(count) ? readFileSync(count).length : 0);

interface Answer {
  readonly status: number;
  readonly document: Readonly<Record<string, unknown>>;
}
const exec = (text: string, more: object = {}, as: 'engineer' | 'reviewer' = 'engineer'): Promise<Answer> =>
  machine.lab.gateway.call('POST', '/v1/exec', { as, body: { target: 'web-1', text, ...more } });
const vote = (id: string, decision: 'approve' | 'deny'): Promise<Answer> =>
  machine.lab.gateway.call('POST', `/v1/requests/${id}/${decision}`, {
    as: 'reviewer',
    body: { comment: 'looked at it' },
  });
async function held(text: string): Promise<string> {
  const { document } = await exec(text);
  const { code, request_id: id } = document['error'] as { readonly code: string; readonly request_id: string };
  expect(code).toBe('approval_pending');
  return id;
}
async function pending(): Promise<string> {
  for (;;) {
    const { document } = await machine.lab.gateway.call('GET', '/v1/requests?state=pending', { as: 'reviewer' });
    const [request] = document['requests'] as readonly { readonly id: string }[];
    if (request !== undefined) return request.id;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

describe('an approved command', () => {
  it('runs once, whoever asks again and however many at once', async () => {
    const id = await held(counting());
    expect(runs()).toBe(0);
    await vote(id, 'approve');
    const all = await Promise.all([1, 2, 3, 4].map(() => exec(counting(), { request_id: id })));
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await exec(counting(), { request_id: id })).status).not.toBe(200);
    expect(runs()).toBe(1);
  });

  it.each([
    ['another argument', (text: string) => text.replace('count=1', 'count=2')],
    ['a second command', (text: string) => `${text}; ${text}`],
    ['one before it', (text: string) => `true; ${text}`],
    ['a pipe', (text: string) => `${text} | cat`],
    ['a redirection', (text: string) => `${text} 2>/dev/null`],
    ['other white space', (text: string) => text.replace(' ', '  ')],
    ['a line’s end', (text: string) => `${text}\n`],
    ['quotes', (text: string) => text.replace('bs=1', "'bs=1'")],
    ['a wrapper', (text: string) => `nice ${text}`],
    ['a variable', (text: string) => `LC_ALL=C ${text}`],
  ])('is not another one: %s', async (_, changed) => {
    const id = await held(counting());
    await vote(id, 'approve');
    expect((await exec(changed(counting()), { request_id: id })).status).not.toBe(200);
    expect(runs()).toBe(0);
    // The control: what was approved still runs.
    expect((await exec(counting(), { request_id: id })).status).toBe(200);
    expect(runs()).toBe(1);
  });

  it('is not another person’s', async () => {
    const id = await held(counting());
    await vote(id, 'approve');
    expect((await exec(counting(), { request_id: id }, 'reviewer')).status).not.toBe(200);
    expect(runs()).toBe(0);
  });

  it('does not run when it was denied, nor when policy has come to forbid it', async () => {
    const denied = await held(counting());
    await vote(denied, 'deny');
    expect((await exec(counting(), { request_id: denied })).status).not.toBe(200);
    const id = await held(counting());
    await vote(id, 'approve');
    machine.lab.apply(`${policies}@id("no") forbid (principal, action == Action::"exec", resource);`);
    expect((await exec(counting(), { request_id: id })).status).not.toBe(200);
    expect(runs()).toBe(0);
  });

  it('is not approved by who asks for it', async () => {
    const id = await held(counting());
    const own = await machine.lab.gateway.call('POST', `/v1/requests/${id}/approve`, {
      as: 'engineer',
      body: { comment: '' },
    });
    expect(own.status).toBe(403);
    expect((await exec(counting(), { request_id: id })).status).not.toBe(200);
    expect(runs()).toBe(0);
    await vote(id, 'deny');
  });
});

describe('a command that waits in its connection', () => {
  it('runs once when it is approved, and never when its client has left', async () => {
    const waiting = machine.ssh('insider', ['web-1', counting()]);
    await vote(await pending(), 'approve');
    expect((await waiting).code).toBe(0);
    expect(runs()).toBe(1);
    const client = await machine.client('insider');
    client.exec(counting(), () => undefined);
    const id = await pending();
    client.destroy();
    await cancelled(id);
    expect((await vote(id, 'approve')).status).not.toBe(200);
    expect(runs()).toBe(1);
  });

  it('lets nothing past while it waits: not another command, nor what is typed behind it', async () => {
    const waiting: Promise<Ended> = machine.ssh('insider', ['web-1', counting()], `${counting()}\n`);
    const id = await pending();
    const second = machine.ssh('insider', ['web-1', `true; ${counting()}`]);
    for (let other = ''; other === '' || other === id;) {
      const { document } = await machine.lab.gateway.call('GET', '/v1/requests?state=pending', { as: 'reviewer' });
      other =
        (document['requests'] as readonly { readonly id: string }[]).map((one) => one.id).find((one) => one !== id) ??
        '';
      if (other !== '') await vote(other, 'deny');
    }
    expect((await second).code).not.toBe(0);
    expect(runs()).toBe(0);
    await vote(id, 'approve');
    expect((await waiting).code).toBe(0);
    expect(runs()).toBe(1);
  });

  it('shows its reviewer the text that will run, and its files', async () => {
    const id = await held(`${counting()} >${machine.dir}/pub/log`);
    const { document } = await machine.lab.gateway.call('GET', `/v1/requests/${id}`, { as: 'reviewer' });
    const request = document['request'] as { readonly text: string; readonly effects: readonly string[] };
    expect(request.text).toBe(`${counting()} >${machine.dir}/pub/log`);
    expect(request.effects.join('\n')).toContain(`upload on path web-1${machine.dir}/pub/log`);
    await vote(id, 'deny');
  });
});

async function cancelled(id: string): Promise<void> {
  const path = `/v1/requests/${id}/wait?timeout_ms=20000`;
  const { document } = await machine.lab.gateway.call('GET', path, { as: 'reviewer' });
  expect(document['request']).toMatchObject({ state: 'cancelled' });
}
