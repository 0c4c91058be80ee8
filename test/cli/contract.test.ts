import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeHome, onlyDocument, runCli } from './support/run-cli.js';
import {
  execResult,
  execStream,
  refusal,
  request,
  startScriptedGateway,
  type ScriptedGateway,
} from './support/scripted-gateway.js';

let home: Awaited<ReturnType<typeof makeHome>>;
let gateway: ScriptedGateway;
let onWaiting = (): void => undefined;
const env = (): Record<string, string> => ({ SLUICE_GATEWAY: gateway.url, SLUICE_TOKEN: 'token' });
const codes: Readonly<Record<string, readonly [number, number]>> = {
  usage: [400, 2],
  config_invalid: [400, 2],
  target_rejected: [422, 3],
  login_required: [401, 4],
  denied: [403, 5],
  request_denied: [403, 6],
  request_expired: [410, 6],
  not_found: [404, 9],
  conflict: [409, 10],
  target_unreachable: [502, 12],
  timeout: [504, 14],
  unexpected: [500, 1],
};

beforeAll(async () => {
  home = await makeHome();
  gateway = await startScriptedGateway(({ path, body }) => {
    if (path === '/v1/exec') {
      const text = String(body['text']);
      const known = codes[text];
      if (known !== undefined) return refusal(text, known[0], text === 'denied' ? { policy: 'no-drop' } : {});
      if (text.startsWith('delete') && body['request_id'] === undefined)
        return refusal('approval_pending', 202, { request_id: 'req_1', policy: 'prod-writes', retryable: true });
      if (text === 'long')
        return { document: { ...execResult, rows: Array.from({ length: 20_000 }, () => ['1', 'x'.repeat(50)]) } };
      return body['stream'] === true ? execStream() : { document: execResult };
    }
    if (path === '/v1/targets/demo-db') {
      const described = { schema: 'sluice.target/v1', ok: true, name: 'demo-db', kind: 'postgres', labels: {} };
      return {
        document: { ...described, recording: 'strict', database: 'shop', permissions: [], protected_columns: [] },
      };
    }
    if (path.startsWith('/v1/targets')) {
      const labels = { env: 'demo' };
      return {
        document: {
          schema: 'sluice.targets/v1',
          ok: true,
          targets: [{ name: 'demo-db', kind: 'postgres', labels, recording: 'strict', status: 'online' }],
        },
      };
    }
    if (path.includes('/never/wait')) {
      onWaiting();
      return new Promise(() => undefined);
    }
    if (path.includes('/wait')) {
      const votes = [{ name: 'reviewer', decision: 'approve', comment: 'ok, INC-42', at: '2026-11-23T10:01:00Z' }];
      return {
        document: { schema: 'sluice.request/v1', ok: true, request: request('approved', { votes }), review: null },
      };
    }
    return { document: { schema: 'sluice.request/v1', ok: true, request: request('pending'), review: null } };
  });
});
afterAll(async () => {
  await gateway.close();
  await home.remove();
});

describe('exit codes and streams', () => {
  it.each(Object.entries(codes))('ends %s as documented, with the error on stderr only', async (code, [, exit]) => {
    const run = await runCli(home.dir, ['exec', 'demo-db', code], { env: env() });
    expect(run.code).toBe(exit);
    expect(run.stdout).toBe('');
    expect(run.stderr).toContain(`(exit ${exit})`);
  });

  it('says who decided, why, and that the database was not contacted', async () => {
    const run = await runCli(home.dir, ['exec', 'demo-db', 'denied'], { env: env() });
    expect(run.stderr).toContain('✗ Denied by gateway policy "no-drop"; the database was not contacted.   (exit 5)');
    expect(run.stderr).toContain('Why: it is denied');
  });

  it('prints exactly one document on stdout for a failure under --json', async () => {
    const run = await runCli(home.dir, ['exec', 'demo-db', 'denied', '--json'], { env: env() });
    expect(onlyDocument(run)).toMatchObject({
      schema: 'sluice.error/v1',
      ok: false,
      error: { code: 'denied', exit_code: 5, policy: 'no-drop' },
    });
    expect(run).toMatchObject({ code: 5, stderr: '' });
  });

  it('prints the gateway’s document as it is under --json', async () => {
    const run = await runCli(home.dir, ['exec', 'demo-db', 'select 1', '--json'], { env: env() });
    expect(onlyDocument(run)).toEqual(execResult);
    expect(run.code).toBe(0);
  });

  it('ends with 11 when no gateway answers', async () => {
    const run = await runCli(home.dir, ['whoami', '--json'], {
      env: { ...env(), SLUICE_GATEWAY: 'http://127.0.0.1:1' },
    });
    expect(run.code).toBe(11);
    expect(onlyDocument(run)).toMatchObject({ error: { code: 'gateway_unreachable', decider: 'network' } });
  });

  it('ends with 4 and names the command when nobody is logged in', async () => {
    const run = await runCli(home.dir, ['targets', '--json']);
    expect(run.code).toBe(4);
    expect(onlyDocument(run)).toMatchObject({
      error: { code: 'login_required', next: [{ command: 'sluice login GATEWAY' }] },
    });
  });
});

describe('usage errors', () => {
  it.each([
    [['exec', 'demo-db', 'select 1', '--limt', '3'], '--limit'],
    [['targts'], 'sluice targets'],
    [['requests', 'aprove', 'req_1'], 'sluice requests approve'],
  ])('suggests what %j was meant to be', async (args, hint) => {
    const run = await runCli(home.dir, [...args, '--json'], { env: env() });
    const { error } = onlyDocument(run) as { error: { code: string; message: string } };
    expect(run.code).toBe(2);
    expect(error.code).toBe('usage');
    expect(error.message).toContain(`Did you mean`);
    expect(error.message).toContain(hint);
  });

  it.each([
    [['requests', 'show']],
    [['exec', 'demo-db']],
    [['targets', 'extra']],
    [['targets', '--color', 'pink']],
    [['targets', '--kind']],
    [['requests']],
    [['requests', 'deny', 'req_1']],
    [['exec', 'demo-db', 'x', '--param', 'foo']],
    [['exec', 'demo-db', 'x', '--file', 'missing.sql']],
    [['requests', 'wait', 'req_1', '--timeout', '10']],
  ])('ends %j with 2 and one document', async (args) => {
    const run = await runCli(home.dir, [...args, '--json'], { env: env(), input: null });
    expect(run.code).toBe(2);
    expect(onlyDocument(run)).toMatchObject({ ok: false, error: { code: 'usage', exit_code: 2 } });
  });

  it('takes -h for help everywhere, on stdout, with 0', async () => {
    const run = await runCli(home.dir, ['exec', 'demo-db', '-h']);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toContain('sluice exec [TARGET] [TEXT]');
  });
});

describe('held operations', () => {
  it('end with 8 and say how to go on when nobody can be asked', async () => {
    const run = await runCli(home.dir, ['exec', 'demo-db', 'delete', '--json'], { env: env() });
    expect(run.code).toBe(8);
    const { error } = onlyDocument(run) as { error: { request_id: string; next: { command: string }[] } };
    expect(error.request_id).toBe('req_1');
    expect(error.next.map(({ command }) => command)).toEqual([
      'sluice requests wait req_1 --timeout 10m --json',
      'sluice exec --request req_1 --json',
    ]);
  });

  it('are waited for with --wait, then run under the request', async () => {
    const run = await runCli(home.dir, ['exec', 'demo-db', 'delete', '--wait'], { env: env() });
    expect(run.code).toBe(0);
    expect(run.stderr).toContain(
      'Needs approval: delete on demo-db (policy "prod-writes", 1 of @dba)      request req_1',
    );
    expect(run.stderr).toContain('Approved by reviewer ("ok, INC-42")');
    expect(gateway.calls.at(-1)?.body).toMatchObject({ request_id: 'req_1', wait: false });
  });

  it('run by --request alone with the text and parameters that were approved', async () => {
    const run = await runCli(home.dir, ['exec', '--request', 'req_1', '--json'], { env: env() });
    expect(run.code).toBe(0);
    expect(gateway.calls.at(-1)?.body).toMatchObject({
      target: 'demo-db',
      text: 'delete from orders where id = $1',
      parameters: ['7'],
      request_id: 'req_1',
    });
  });

  it('stay open when the wait is interrupted', async () => {
    const interrupt = new Promise<void>((resolve) => (onWaiting = resolve));
    const run = await runCli(home.dir, ['requests', 'wait', 'never', '--timeout', '1m'], { env: env(), interrupt });
    expect(run.code).toBe(130);
    expect(run.stderr).toContain('request never stays open');
  });
});

describe('payload', () => {
  it('is TSV when piped, one line a row, nothing cut, no colour even when NO_COLOR is not set', async () => {
    const run = await runCli(home.dir, ['exec', 'demo-db', 'select 1'], { env: env() });
    expect(run.stdout).toBe('id\tnote\n7\ttab\\there\n8\t\n');
  });

  it('has no colour with NO_COLOR and none on stderr either; --color always brings it back', async () => {
    const without = await runCli(home.dir, ['exec', 'demo-db', 'denied'], {
      env: { ...env(), NO_COLOR: '1', FORCE_COLOR: '1' },
    });
    const forced = await runCli(home.dir, ['exec', 'demo-db', 'denied', '--color', 'always'], {
      env: { ...env(), NO_COLOR: '1' },
    });
    expect(without.stderr).not.toContain('\u001b');
    expect(forced.stderr).toContain('\u001b[31m✗');
  });

  it('comes in every row format asked for', async () => {
    const as = async (format: string): Promise<string> =>
      (await runCli(home.dir, ['exec', 'demo-db', 'select 1', '--format', format, '--quiet'], { env: env() })).stdout;
    expect(await as('csv')).toBe('id,note\n7,tab\there\n8,\n');
    expect(await as('json')).toBe('[{"id":"7","note":"tab\\there"},{"id":"8","note":null}]\n');
    expect(await as('jsonl')).toBe('{"id":"7","note":"tab\\there"}\n{"id":"8","note":null}\n');
  });

  it('takes the text from stdin, and from behind -- when it begins with a dash', async () => {
    await runCli(home.dir, ['exec', 'demo-db', '-f', '-', '--json'], { env: env(), input: 'select 2\n' });
    expect(gateway.calls.at(-1)?.body['text']).toBe('select 2\n');
    await runCli(home.dir, ['exec', 'demo-db', '--json', '--', '-- a comment\nselect 3'], { env: env() });
    expect(gateway.calls.at(-1)?.body['text']).toBe('-- a comment\nselect 3');
  });

  it('says that nothing was piped in', async () => {
    const before = gateway.calls.length;
    const run = await runCli(home.dir, ['exec', 'demo-db', '-f', '-', '--json'], { env: env(), input: ' \n' });
    expect(run.code).toBe(2);
    expect(onlyDocument(run)['error']).toMatchObject({ message: 'Standard input holds no text to run.' });
    expect(gateway.calls).toHaveLength(before);
  });

  it('ends without a word when its reader has seen enough', async () => {
    const run = await runCli(home.dir, ['exec', 'demo-db', 'long', '--quiet'], { env: env(), closeStdout: true });
    expect(run).toMatchObject({ code: 0, stderr: '' });
  });

  it.skipIf(!existsSync('/dev/full')).each([
    ['one document', ['targets', '--json'], 13],
    ['a table', ['targets'], 13],
    ['a result', ['exec', 'demo-db', 'select 1'], 13],
    ['a long one', ['exec', 'demo-db', 'long'], 13],
    ['what a program says', ['exec', 'demo-db', '--', 'select 1'], 213],
    ['a refusal, which it stays', ['exec', 'demo-db', 'denied', '--json'], 5],
  ])('is no success where it cannot be written: %s', async (_what, args, code) => {
    const run = await runCli(home.dir, args, { env: env(), stdoutTo: '/dev/full' });
    const said = `✗ The output could not be written: ENOSPC: no space left on device, write   (exit ${code})\n`;
    expect([run.code, run.stderr.slice(-said.length)]).toEqual([code, said]);
  });

  it('does not touch an open, silent stdin', async () => {
    const run = await runCli(home.dir, ['targets', '--names'], { env: env() });
    expect(run).toMatchObject({ code: 0, stdout: 'demo-db\n' });
  });
});
