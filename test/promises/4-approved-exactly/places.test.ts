import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { requestDocument } from '../../../src/gateway/schemas/requests.js';
import { starterBundle } from '../../../src/quickstart/bundle.js';
import { type ApprovalLab, errorOf, more, openApprovalLab, resultOf } from './support.js';

// What was approved for one place is not run in another that the target's name has come to lead to.

const reusable = `
@id("prices") @approval("dba") @reuse("30m") @message("A DBA decides about prices.")
forbid (principal, action == Action::"insert", resource in Label::"env=demo")
when { resource is Table && resource.name == "audit_log" }
unless { context.approvals.contains("dba") };
`;
const password = 'correct horse';
let lab: ApprovalLab;
let files: ReadonlyMap<string, string>;
beforeAll(async () => {
  lab = await openApprovalLab(reusable);
  await lab.server.query(`alter role sluice_gateway password '${password}'`);
  await lab.server.query(`create role other_login login password '${password}'; grant sluice_gateway to other_login`);
  files = new Map([...starterBundle({ pgPort: lab.server.port }), ['policies/four.cedar', reusable]]);
}, 120_000);
afterAll(() => lab.stop());
beforeEach(() => lead({}));

/** Lets the target's name stand for something else, and its secret be sent there. */
async function lead(change: Readonly<Record<string, string>>): Promise<void> {
  let targets = files.get('targets.yaml') ?? '';
  for (const [from, to] of Object.entries(change)) {
    expect(targets).toContain(from);
    targets = targets.replace(from, to);
  }
  lab.running.gateway.applyBundle(new Map([...files, ['targets.yaml', targets]]), 'elsewhere');
  await lab.running.gateway.setSecret('demo-db', password);
}
async function stocks(): Promise<unknown> {
  return (await lab.server.query('select id, stock from products where id < 4 order by id', 'shop')).map(
    ({ stock }) => stock,
  );
}

it.each([
  ['address', { '127.0.0.1:': 'localhost:' }],
  ['login', { 'username: sluice_gateway': 'username: other_login' }],
])(
  'runs nothing where the target has another %s by now, and runs there again what leads back',
  async (_what, change) => {
    const asked = await lab.running.call('POST', '/v1/requests', {
      token: await lab.token('engineer'),
      body: { target: 'demo-db', text: more(1), reason: 'INC-7' },
    });
    const ids = [await lab.held(more(2)), requestDocument.parse(asked.document).request.id];
    for (const id of ids) expect((await lab.vote(id, 'approve', 'reviewer')).status).toBe(200);
    const before = await stocks();
    await lead(change);
    resultOf(await lab.exec('select 1'));
    for (const id of ids) {
      const refused = errorOf(await lab.exec((await lab.request(id, 'engineer')).text, { request_id: id }));
      expect(refused).toMatchObject({ code: 'denied', message: expect.stringMatching(/leads elsewhere/) as string });
      expect(refused.next).toMatchObject([{ command: 'sluice requests create demo-db …' }]);
    }
    expect(await stocks()).toEqual(before);
    await lead({});
    for (const id of ids) resultOf(await lab.exec((await lab.request(id, 'engineer')).text, { request_id: id }));
    expect(await stocks()).not.toEqual(before);
  },
);

it('nor under an approval that stands', async () => {
  const insert =
    "insert into audit_log (id, at, actor, action, detail) select max(id) + 1, now(), 'x', 'y', '{}' from audit_log";
  const id = await lab.held(insert);
  const vote = await lab.running.call('POST', `/v1/requests/${id}/approve`, {
    token: await lab.token('reviewer'),
    body: { comment: 'ok', for_ms: 600_000 },
  });
  expect(vote.status, vote.text).toBe(200);
  resultOf(await lab.exec(insert, { request_id: id }));
  resultOf(await lab.exec(insert));
  await lead({ '127.0.0.1:': 'localhost:' });
  expect(errorOf(await lab.exec(insert)).code).toBe('approval_pending');
});
