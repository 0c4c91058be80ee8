import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explainDocument, replayDocument } from '../../src/gateway/schemas/policy.js';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { startTestGateway, type TestGateway } from '../support/gateway.js';

type User = Parameters<TestGateway['call']>[0];
const started = new Date(Date.now() - 1000).toISOString();
const remove = 'delete from orders where id = 7';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  await run('engineer', 'select count(*) from orders');
  await run('engineer', 'select count(*) from orders');
  await run('engineer', remove);
  await run('engineer', 'drop table orders');
  await run('robot', 'select id, email from customers limit 1');
}, 120_000);
afterAll(() => gateway.stop());

/** Runs one statement in a session of its own, without waiting for people. */
async function run(user: User, text: string): Promise<void> {
  await gateway.call(user, 'POST', '/v1/exec', { target: 'demo-db', text, wait: false });
}

async function sessionOf(text: string): Promise<string> {
  const find = async (): Promise<string | undefined> => {
    const { body } = await gateway.call('reviewer', 'GET', `/v1/sessions/search?q=${encodeURIComponent(text)}`);
    return (body as { sessions: readonly { id: string }[] }).sessions[0]?.id;
  };
  await expect.poll(find, { timeout: 20_000, interval: 50 }).toBeDefined();
  return (await find()) ?? '';
}

/** The starter bundle with its guardrails changed. */
function edited(change: (guardrails: string) => string): Readonly<Record<string, string>> {
  const files = Object.fromEntries(starterBundle({ pgPort: 1 }));
  return { ...files, 'policies/guardrails.cedar': change(files['policies/guardrails.cedar'] ?? '') };
}

async function replay(user: User, files: Readonly<Record<string, string>>, more: object = {}) {
  const { status, body } = await gateway.call(user, 'POST', '/v1/policy/replay', { files, since: started, ...more });
  return status === 200 ? replayDocument.parse(body) : { status, body };
}

describe('explaining', () => {
  it('names every determining policy where it stands, and what would change the verdict', async () => {
    const { body } = await gateway.call('engineer', 'POST', '/v1/policy/explain', { target: 'demo-db', text: remove });
    const { verdict, effects, changes, recorded } = explainDocument.parse(body);
    expect(verdict).toBe('hold');
    const [deleting] = effects.filter(({ action }) => action === 'delete');
    expect(deleting?.determining).toEqual([
      expect.objectContaining({ id: 'demo-writes', effect: 'forbid', approvals: [{ group: 'dba', count: 1 }] }),
    ]);
    const [policy] = deleting?.determining ?? [];
    const lines = (starterBundle({ pgPort: 1 }).get(policy?.file ?? '') ?? '').split('\n');
    expect(lines[(policy?.line ?? 0) - 1]).toBe('@id("demo-writes")');
    expect(changes).toEqual([{ change: 'approval', value: 'dba', verdict: 'allow' }]);
    expect(recorded).toBeNull();
  });

  it('tells a machine whose membership it would take', async () => {
    const text = 'insert into orders (id) values (1)';
    const { body } = await gateway.call('robot', 'POST', '/v1/policy/explain', { target: 'demo-db', text });
    const { verdict, changes } = explainDocument.parse(body);
    expect(verdict).toBe('deny');
    expect(changes).toEqual([
      { change: 'group', value: 'engineers', verdict: 'allow' },
      { change: 'group', value: 'dba', verdict: 'allow' },
    ]);
  });

  it('explains a recorded operation to whose it was, with what was recorded, and to nobody else', async () => {
    const session = await sessionOf(remove);
    const { body } = await gateway.call('engineer', 'GET', `/v1/sessions/${session}/explain?op=2`);
    const { verdict, recorded, effects } = explainDocument.parse(body);
    expect(verdict).toBe('hold');
    expect(recorded).toMatchObject({ text: remove, verdict: 'hold', policies: ['demo-writes'], exact: true, op: 2 });
    expect(effects.some(({ facts }) => facts['filtered'] === true)).toBe(true);
    expect((await gateway.call('robot', 'GET', `/v1/sessions/${session}/explain?op=2`)).status).toBe(404);
    expect((await gateway.call('engineer', 'GET', `/v1/sessions/${session}/explain?op=99`)).status).toBe(404);
  });
});

describe('replaying recorded traffic', () => {
  it('finds nothing to tell of the bundle that is in force', async () => {
    await sessionOf('email from customers');
    const report = await replay(
      'reviewer',
      edited((text) => text),
    );
    expect(report).toMatchObject({ changed: 0, changed_since: 0, skipped: 0, approximate: 0, differences: [] });
    expect(report).toHaveProperty('operations', 5);
  });

  it('tells what another bundle would decide otherwise, alike operations together, with a link to the last', async () => {
    await sessionOf('email from customers');
    const files = edited(
      (text) =>
        `${text
          .replace('@id("demo-writes")\n@approval("dba")', '@id("demo-writes")')
          .replace(/(Action::"merge"\],\s+resource in Label::"env=demo"\n\))\nunless[^;]*;/, '$1;')}
@id("no-orders") @message("Orders are closed.")
forbid (principal, action in Action::"read", resource in Table::"demo-db/shop/public/orders");`,
    );
    const report = await replay('reviewer', files);
    if (!('differences' in report)) throw new Error(JSON.stringify(report));
    const told = report.differences.map(({ count, user, text, in_force, replayed, policies }) => [
      ...[count, user, text, in_force, replayed],
      policies.join(),
    ]);
    expect(told).toEqual([
      [2, 'engineer', 'select count(*) from orders', 'allow', 'deny', 'no-orders'],
      [1, 'engineer', remove, 'hold', 'deny', expect.stringContaining('demo-writes')],
    ]);
    expect(report.differences[1]?.session_id).toBe(await sessionOf(remove));
    expect(report.changed).toBe(3);
  });

  it('tells what policies in shadow mode would do, and counts that as no change', async () => {
    await sessionOf('email from customers');
    const files = edited(
      (text) => `${text}
@id("no-orders") @mode("shadow")
forbid (principal, action in Action::"read", resource in Table::"demo-db/shop/public/orders");`,
    );
    const report = await replay('reviewer', files);
    expect(report).toMatchObject({
      changed: 0,
      shadowed: 2,
      differences: [{ count: 2, in_force: 'allow', replayed: 'deny', shadow: true, policies: ['no-orders'] }],
    });
  });

  it('looks only at what was asked for', async () => {
    await sessionOf('email from customers');
    expect(
      await replay(
        'reviewer',
        edited((text) => text),
        { user: 'robot' },
      ),
    ).toMatchObject({ operations: 1 });
    const future = { since: new Date(Date.now() + 3_600_000).toISOString() };
    expect(
      await replay(
        'reviewer',
        edited((text) => text),
        future,
      ),
    ).toMatchObject({ operations: 0 });
  });

  it('is refused to who may not read recordings, and refuses a broken bundle', async () => {
    expect(
      await replay(
        'engineer',
        edited((text) => text),
      ),
    ).toMatchObject({ status: 403 });
    expect(
      await replay(
        'reviewer',
        edited((text) => `${text} forbid (`),
      ),
    ).toMatchObject({
      status: 400,
      body: { error: { code: 'config_invalid' } },
    });
  });
});
