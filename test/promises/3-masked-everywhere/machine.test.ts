import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPolicy } from '../../support/ssh-lab.js';
import { keptFiles } from '../../support/kept-files.js';
import { openMachine, type Machine } from '../support/machine.js';

// A machine has no columns: what detectors find in output is masked, in every place that output goes to.

const token = 'ghp_0123456789abcdefghijABCDEFGHIJ012345';
const stars = '*'.repeat(token.length);
let machine: Machine;
beforeAll(async () => {
  machine = await openMachine({
    policies: openPolicy,
    detectors: '{ email: mask, token: mask }',
    keepFileBytes: 10_000,
  });
  writeFileSync(join(machine.dir, 'pub', 'token'), `token: ${token}\n`);
});
afterAll(() => machine.stop());

/** Eight characters of it anywhere are too many. */
const windows = Array.from({ length: token.length - 11 }, (_, at) => token.slice(at + 4, at + 12));
const leaks = (text: string): readonly string[] => windows.filter((one) => text.includes(one));
const file = (): string => join(machine.dir, 'pub', 'token');

const byCommand: readonly (readonly [string, () => string])[] = [
  ['at once', () => `cat ${file()}`],
  ['byte by byte', () => `dd if=${file()} bs=1 status=none`],
  ['in two writes', () => `head -c 20 ${file()}; tail -c +21 ${file()}`],
  [
    'in many writes a moment apart',
    () => `while read -r -n 1 c; do printf %s "\${c:- }"; sleep 0.002; done <${file()}; echo`,
  ],
  ['on stderr', () => `cat ${file()} >&2`],
  ['on stderr, byte by byte', () => `dd if=${file()} bs=1 of=/dev/stderr status=none`],
  ['in an error of a program', () => `ls "$(cat ${file()})"`],
  ['in the middle of a long line', () => `head -c 100000 /dev/zero | tr '\\0' x; printf ' '; cat ${file()}`],
  [
    'across the pieces of a large output',
    () => `for i in 1 2 3 4; do head -c $((32768 - 20 * i)) /dev/zero | tr '\\0' ' '; cat ${file()}; done`,
  ],
  ['many times', () => `for i in $(seq 500); do cat ${file()}; done`],
  ['as the last thing, without a line’s end', () => `printf %s "$(cat ${file()})"`],
  ['behind bytes that are no text', () => `printf '\\377\\376\\000'; cat ${file()}`],
  ['in the background, after the command’s end', () => `(sleep 0.2; cat ${file()}) & true`],
];

describe('a secret in output', () => {
  it.each(byCommand)('is masked %s', async (_, command) => {
    const direct = await machine.run('direct', command());
    expect(`${direct.stdout}${direct.stderr}`).toContain(token);
    const through = await machine.run('insider', command());
    expect(leaks(`${through.stdout}${through.stderr}`)).toEqual([]);
    // Everything else is as it was.
    expect(`${through.stdout}${through.stderr}`).toBe(`${direct.stdout}${direct.stderr}`.replaceAll(token, stars));
    expect(through.code).toBe(direct.code);
  });

  it.each(byCommand.filter(([name]) => !name.includes('moment apart')).slice(0, 4))(
    'is masked on a terminal %s',
    async (_, command) => {
      const through = await machine.ssh('insider', ['-tt', 'web-1', command()]);
      expect(leaks(through.stdout)).toEqual([]);
      expect(through.stdout).toContain('token: ***');
    },
  );

  it('is masked where the terminal shows it in colours, and in a window’s title', async () => {
    const colours = `printf '\\033[1m'; cat ${file()}; printf '\\033[0m'`;
    expect((await machine.ssh('insider', ['-tt', 'web-1', colours])).stdout).toContain(`\u001b[1mtoken: ${stars}`);
    const title = `printf '\\033]0;%s\\007' "$(cat ${file()})"`;
    expect(leaks((await machine.ssh('insider', ['-tt', 'web-1', title])).stdout)).toEqual([]);
  });

  it('is masked in the answer of exec', async () => {
    const body = { target: 'web-1', text: `cat ${file()}` };
    const { document } = await machine.lab.gateway.call('POST', '/v1/exec', { as: 'engineer', body });
    expect(document).toMatchObject({ stdout: `token: ${stars}\n`, exit_code: 0 });
  });

  it('stands in nothing that the gateway keeps, and is found by no search', async () => {
    // A file that is moved passes as it is; what is kept of it does not.
    const moved = await machine.lab.run('sftp', ['-F', machine.lab.config, '-b', '-', 'web-1'], {
      input: `get ${file()} /dev/null\n`,
    });
    expect(moved.code).toBe(0);
    await machine.stopClients();
    const sessions = await machine.lab.sessions();
    expect(sessions.length).toBeGreaterThan(3);
    const files = [...keptFiles(machine.lab.gateway.stateDir)];
    expect(files.some(({ name }) => name.endsWith('.journal'))).toBe(true);
    for (const { name, bytes } of files) expect.soft(leaks(bytes.toString('latin1')), name).toEqual([]);
    for (const word of [token, token.slice(4, 20)]) {
      const found = await machine.lab.gateway.call('GET', `/v1/sessions/search?q=${word}`, { as: 'reviewer' });
      expect([found.status, found.document['match_count']]).toEqual([200, 0]);
    }
    // The control: what stands beside it is kept and found.
    const beside = await machine.lab.gateway.call('GET', '/v1/sessions/search?q=token', { as: 'reviewer' });
    expect(Number(beside.document['match_count'])).toBeGreaterThan(0);
  });
});
