import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSshLab, type SshLab } from '../../support/ssh-lab.js';

// What stands on a terminal is followed by the gateway, so a program may ask much of it with a few bytes.

let lab: SshLab;
beforeAll(async () => {
  lab = await startSshLab();
});
afterAll(() => lab.stop());

const most = 2_147_483_647;

it.each([
  ['scroll up', `\\033[${most}S`],
  ['scroll down', `\\033[${most}T`],
  ['insert lines', `\\033[${most}L`],
  ['delete lines', `\\033[${most}M`],
  ['tabulate', `\\033[${most}I\\033[${most}Z`],
  ['repeat a letter', `a\\033[${most}b`],
  ['insert, delete and erase letters', `\\033[${most}@\\033[${most}P\\033[${most}X`],
  ['move the cursor', `\\033[${most}E\\033[${most}F\\033[${most};${most}H`],
])(
  'a program that asks a terminal to %s two thousand million times stops nobody, and is on record',
  async (name, sequence) => {
    const many = `i=0; while [ $i -lt 300 ]; do printf '${sequence}'; i=$((i+1)); done`;
    const hostile = lab.ssh('-tt', `${many}; printf 'done: %s' '${name}'`);
    const other = await lab.ssh('echo alive');
    expect(other).toMatchObject({ code: 0, stdout: 'alive\n' });
    const { code, stdout } = await hostile;
    expect(code).toBe(0);
    expect(stdout).toContain(`${String.fromCharCode(27)}[`);
    const [first, second] = await lab.sessions();
    const kept = await Promise.all([first, second].map((session) => lab.events(session?.id ?? '')));
    const output = kept.flat().flatMap((event) => (event.type === 'terminal' ? [Buffer.from(event.data)] : []));
    expect(Buffer.concat(output).toString()).toContain(`done: ${name}`);
  },
);
