import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPolicy, startFileLab, type SshLab } from '../../support/ssh-lab.js';

const budget = 100_000;
const policies = `${openPolicy}
@id("bytes") @message("Over the budget of bytes.")
forbid (principal, action in [Action::"exec", Action::"shell", Action::"download", Action::"forward"], resource)
when { context.session.bytesRead > ${budget} };
`;

let lab: SshLab;
let file: string;
/** Never a device: rsync puts a file in its place. */
let copy: string;
beforeAll(async () => {
  const started = await startFileLab();
  ({ lab } = started);
  lab.apply(policies);
  file = join(started.there, 'file');
  copy = join(started.here, 'copy');
  writeFileSync(file, 'abcdefghi\n'.repeat(50_000));
}, 60_000);
afterAll(() => lab.stop());

const cat = (): string => `cat ${file}`;

it.each([
  ['a command', () => lab.ssh(cat())],
  ['a command at a terminal', () => lab.sshTo(['-tt', 'web-1', cat()])],
  ['what a command says on stderr', () => lab.ssh(`${cat()} >&2`)],
  ['a shell that is fed', () => lab.sshTo(['web-1'], `${cat()}\nexit\n`)],
  ['a shell at a terminal', () => lab.sshTo(['-tt', 'web-1'], `${cat()}\nexit\n`)],
  ['rsync', () => lab.run('rsync', ['-e', `ssh -F ${lab.config}`, `web-1:${file}`, copy])],
  ['scp of old', () => lab.run('scp', ['-F', lab.config, '-O', `web-1:${file}`, copy])],
])('of bytes ends the output of %s, says so, and the record has how far it went', async (_name, run) => {
  const { code, stdout, stderr } = await run();
  expect(code).not.toBe(0);
  expect(stderr).toContain('denied by gateway (policy "bytes"): Over the budget of bytes. The result ends here.');
  expect((stdout + stderr).length).toBeLessThan(budget + 1_000);
  const [session] = await lab.sessions();
  expect(session?.operations[0]).toMatchObject({ verdict: 'deny', error: expect.stringContaining('budget') as string });
  const shown = (await lab.events(session?.id ?? '')).flatMap((event) =>
    event.type === 'terminal' && event.stream === 'o' ? [event.data.length] : [],
  );
  const total = shown.reduce((sum, bytes) => sum + bytes, 0);
  expect(total).toBeGreaterThan(budget / 2);
  expect(total).toBeLessThanOrEqual(budget);
});

it('of bytes leaves shells alone that stay below it', async () => {
  const { code, stdout } = await lab.sshTo(['-tt', 'web-1'], `head -c 900 ${file}\nexit\n`);
  expect([code, stdout.includes('abcdefghi')]).toEqual([0, true]);
});
