import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeHome } from '../../cli/support/run-cli.js';

const program = fileURLToPath(new URL('../../../bin/dev.js', import.meta.url));

let home: Awaited<ReturnType<typeof makeHome>>;
beforeAll(async () => {
  home = await makeHome();
});
afterAll(() => home.remove());

/** Starts a process, sends it SIGUSR1 once it answers, and returns what it wrote to stderr until its input ended. */
async function afterSignal(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, ['--inspect-port=0', ...args], {
    cwd: home.dir,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: home.dir,
      SLUICE_GATEWAY: 'http://127.0.0.1:1',
      SLUICE_TOKEN: 'x',
    },
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const closed = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (id: number, method: string, params: object): Promise<void> => {
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    await lines.next();
  };
  const clientInfo = { name: 'test', version: '1' };
  await ask(0, 'initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo });
  child.kill('SIGUSR1');
  for (let id = 1; id <= 50; id++) await ask(id, 'ping', {});
  child.stdin.end();
  await closed;
  return stderr;
}

it('opens no debugger, which any user of the machine could ask for secrets and tokens, on SIGUSR1', async () => {
  const echo = `process.stdin.on('data', () => console.log('{}'))`;
  expect(await afterSignal(['-e', echo])).toContain('Debugger listening');
  expect(await afterSignal([program, 'mcp', 'serve'])).not.toMatch(/debugger|inspector/i);
});
