import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type ApprovalLab, openApprovalLab, patience, resultOf } from '../promises/4-approved-exactly/support.js';
import { makeHome, runCli } from './support/run-cli.js';

let lab: ApprovalLab;
let home: Awaited<ReturnType<typeof makeHome>>;
beforeAll(async () => {
  [lab, home] = await Promise.all([openApprovalLab(), makeHome()]);
  resultOf(await lab.exec('select 1')); // the catalog is read
}, 120_000);
afterAll(() => Promise.all([lab.stop(), home.remove()]));

const clientInfo = { name: 'test', version: '1' };
const hello = [
  { id: 0, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo } },
  { method: 'notifications/initialized' },
];
const statement = (id: number, text: string) => ({
  ...{ id, method: 'tools/call' },
  params: { name: 'run_statement', arguments: { target: 'demo-db', text } },
});
const serve = async (messages: readonly object[], interrupt?: { signal: 'SIGTERM'; when: Promise<void> }) =>
  runCli(home.dir, ['mcp', 'serve'], {
    input: [...hello, ...messages].map((message) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`).join(''),
    env: { SLUICE_GATEWAY: lab.running.url, SLUICE_TOKEN: await lab.token('engineer') },
    ...(interrupt === undefined ? {} : { interrupt }),
  });
const answers = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: number });

it('answers what was asked before stdin ended', async () => {
  const ended = await serve([statement(1, 'select 40 + 2 as n'), statement(2, 'select 43 as n')]);
  expect(ended.code, ended.stderr).toBe(0);
  expect(new Set(answers(ended.stdout).map(({ id }) => id))).toEqual(new Set([0, 1, 2]));
  expect(ended.stdout).toContain('"42"');
});

it('calls off at the target what it has not answered when the client wants it to end', async () => {
  const sleeps = `select 1 from pg_stat_activity where state = 'active' and query like 'select pg_sleep(61%' and pid <> pg_backend_pid()`;
  const running = async () => (await lab.server.query(sleeps)).length;
  const when = vi.waitFor(async () => expect(await running()).toBe(1), patience);
  const ended = await serve([statement(1, 'select pg_sleep(61)')], { signal: 'SIGTERM', when });
  expect(ended.code, ended.stderr).toBe(0);
  expect(answers(ended.stdout)).toHaveLength(1);
  await expect.poll(running, patience).toBe(0);
  const { document } = await lab.running.call('GET', '/v1/sessions?limit=1', { token: await lab.token('reviewer') });
  expect(document).toMatchObject({ sessions: [{ state: 'closed', end_reason: 'client closed' }] });
});
