import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openPolicy, startSshLab, type SshLab } from '../support/ssh-lab.js';
import { Typist } from '../support/typist.js';

let lab: SshLab;
beforeAll(async () => {
  lab = await startSshLab();
}, 60_000);
afterAll(() => lab.stop());
beforeEach(() => lab.apply(openPolicy));
const typists: Typist[] = [];
afterEach(async () => {
  for (const typist of typists.splice(0)) await typist.leave();
});
async function atShell(size?: { readonly columns: number; readonly rows: number }): Promise<Typist> {
  const typist = await Typist.atShell(lab, size);
  typists.push(typist);
  return typist;
}

const forbid = (when: string): string =>
  `${openPolicy}@id("no") @message("Not here.")\nforbid (principal, action == Action::"exec", resource) when { ${when} };\n`;
const hold = (when: string): string =>
  `${openPolicy}@id("ask") @approval("dba") @message("Ask first.")\n` +
  `forbid (principal, action == Action::"exec", resource) when { ${when} } unless { context.approvals.contains("dba") };\n`;

/** The lines of the latest session, without the one that starts its shell. */
async function lines(): Promise<readonly { text: string; effects: readonly string[]; verdict: string | null }[]> {
  const [session] = await lab.sessions();
  return (session?.operations ?? []).filter(({ kind }) => kind === 'line').slice(1);
}

describe('a line typed at a shell', () => {
  it('is recorded as it stands on the screen, each as an operation of its own', async () => {
    const typist = await atShell();
    await typist.enter('echo one  "two"', 'one two\r\n');
    await typist.until('ready> ');
    await typist.enter('echo wrng\u007f\u007fong', 'wrong\r\n');
    await typist.until('ready> ');
    await typist.enter('', 'ready> ');
    await typist.enter('exit', /closed|exit/);
    await typist.leave();
    expect((await lines()).map(({ text, verdict }) => [text, verdict])).toEqual([
      ['echo one  "two"', 'allow'],
      ['echo wrong', 'allow'],
      ['exit', 'allow'],
    ]);
  });

  it('is read with what history, completion and editing made of it', async () => {
    const typist = await atShell();
    await typist.enter('echo first', 'first\r\n');
    await typist.until('ready> ');
    typist.type('\u001b[A'); // up: the line before
    await typist.until('echo first');
    await typist.enter(' again', 'first again\r\n');
    await typist.until('ready> ');
    typist.type('ls -d /etc/hostn\t');
    await typist.until('/etc/hostname ');
    await typist.enter('', 'ready> ');
    typist.type('\u0012rst ag'); // search in the history
    await typist.until('rst ag');
    await typist.enter('', 'first again\r\n');
    await typist.until('ready> ');
    typist.type('xx echo there\u0001\u001b[3~\u001b[3~\u001b[3~'); // to the start, and away with "xx "
    await typist.until(/echo there/);
    await typist.enter('', 'there\r\n');
    await typist.leave();
    expect((await lines()).map(({ text }) => text)).toEqual([
      'echo first',
      'echo first again',
      'ls -d /etc/hostname',
      'echo first again',
      'echo there',
    ]);
  });

  it('is read whole where it is wider than the terminal', async () => {
    const typist = await atShell({ columns: 30, rows: 8 });
    const words = Array.from({ length: 40 }, (_, index) => `word${index}`).join(' ');
    await typist.enter(`echo ${words} end`, 'ready> ');
    await typist.leave();
    expect((await lines()).map(({ text, verdict }) => [text, verdict])).toEqual([[`echo ${words} end`, 'allow']]);
  });

  it('is refused by the policies that refuse the same command, and never runs', async () => {
    lab.apply(forbid('context.program == "touch"'));
    const typist = await atShell();
    const file = join(lab.sshd.dir, 'typed');
    const shown = await typist.enter(`touch ${file}`, 'to see what policy asks for');
    expect(shown).toContain('sluice: denied by gateway (policy "no"): Not here.');
    await typist.until('ready> ');
    // Nothing of it is left in front of the next line.
    await typist.enter(`echo then`, '\rthen\r\n');
    expect(existsSync(file)).toBe(false);
    lab.apply(openPolicy);
    await typist.enter(`touch ${file}; echo done`, '\rdone\r\n');
    expect(existsSync(file)).toBe(true);
    await typist.leave();
    expect((await lines()).map(({ verdict }) => verdict)).toEqual(['deny', 'allow', 'allow']);
  });

  it('is emptied also where the shell edits like vi', async () => {
    lab.apply(forbid('context.program == "touch"'));
    const typist = await atShell();
    await typist.enter('set -o vi', 'ready> ');
    const file = join(lab.sshd.dir, 'typed-vi');
    typist.type(`echo; touch ${file} ;\u001b0`); // the cursor at the start: killing to the start empties nothing
    await typist.enter('', 'to see what policy asks for');
    await typist.until('ready> ');
    await typist.enter('echo then', '\rthen\r\n');
    expect(existsSync(file)).toBe(false);
    await typist.leave();
  });

  it('waits for a reviewer when policy asks for one, and runs as it stands', async () => {
    lab.apply(hold('context.command like "echo held*"'));
    const typist = await atShell();
    await typist.enter('echo held; echo ran', 'sluice: A reviewer runs');
    const request = await pendingRequest();
    expect(request['text']).toBe('echo held; echo ran');
    await lab.gateway.call('POST', `/v1/requests/${String(request['id'])}/approve`, { as: 'reviewer', body: {} });
    await typist.until('sluice: approved');
    await typist.until('held\r\nran\r\n');
    await typist.leave();
    const { document } = await lab.gateway.call('GET', `/v1/requests/${String(request['id'])}`, { as: 'reviewer' });
    expect(document['request']).toMatchObject({ state: 'executed' });
  });

  it('can be taken back while it is held', async () => {
    lab.apply(hold('context.command like "echo held*"'));
    const typist = await atShell();
    await typist.enter('echo held', 'sluice: A reviewer runs');
    const request = await pendingRequest();
    await typist.until('echo held');
    typist.type('\u0003');
    await typist.until('taken back');
    await typist.until('ready> ');
    await typist.enter('echo other', '\rother\r\n');
    await typist.leave();
    const { document } = await lab.gateway.call('GET', `/v1/requests/${String(request['id'])}`, { as: 'reviewer' });
    expect(document['request']).toMatchObject({ state: 'cancelled' });
  });

  it('is not run when something else stands there by the time it is approved', async () => {
    lab.apply(hold('context.program == "touch"'));
    const typist = await atShell();
    const file = join(lab.sshd.dir, 'swapped');
    // A job of the shell's writes over the line while people look at it.
    await typist.enter(`(sleep 1.5; printf '\\rready> touch ${file}.other') &`, 'ready> ');
    await typist.enter(`touch ${file}`, 'sluice: A reviewer runs');
    const request = await pendingRequest();
    await typist.until(`touch ${file}.other`);
    await lab.gateway.call('POST', `/v1/requests/${String(request['id'])}/approve`, { as: 'reviewer', body: {} });
    await typist.until('not the one that was approved');
    expect(existsSync(file)).toBe(false);
    await typist.leave();
  });

  it('is known to be hidden where nothing is echoed, and nothing of it is kept', async () => {
    const typist = await atShell();
    await typist.enter(`read -rs -p 'Password: ' word; echo \${#word} characters`, 'Password: ');
    await typist.enter('correct-horse', '13 characters');
    await typist.until('ready> ');
    lab.apply(forbid('context.typed == "hidden"'));
    await typist.enter('stty -echo', 'ready> ');
    const file = join(lab.sshd.dir, 'unseen');
    await typist.enter(`touch ${file}`, 'to see what policy asks for');
    expect(existsSync(file)).toBe(false);
    await typist.leave();
    expect((await lines()).map(({ text, verdict }) => [text.slice(0, 15), verdict])).toEqual([
      ["read -rs -p 'Pa", 'allow'],
      ['(nothing shown)', 'allow'],
      ['stty -echo', 'allow'],
      ['(nothing shown)', 'deny'],
    ]);
    const [session] = await lab.sessions();
    expect(await lab.transcript(session?.id ?? '')).not.toContain('correct-horse');
  });

  it('does not exist on a full screen, where policy can stop the first Enter', async () => {
    const typist = await atShell();
    const fullScreen = `printf '\\033[?1049h'; read; echo entered; read; printf '\\033[?1049l'; echo left`;
    await typist.enter(fullScreen, '\u001b[?1049h');
    typist.type('\r');
    await typist.until('entered');
    typist.type('\r');
    await typist.until('left\r\n');
    lab.apply(forbid('context.typed == "fullscreen"'));
    await typist.until('ready> ');
    await typist.enter(fullScreen, '\u001b[?1049h');
    typist.type('\r');
    await typist.until('\u0007');
    typist.type('\u0003');
    await typist.until('ready> ');
    await typist.leave();
    expect((await lines()).map(({ text, verdict }) => [text.slice(0, 13), verdict])).toEqual([
      ['printf ', 'allow'].map((word) => (word === 'printf ' ? fullScreen.slice(0, 13) : word)),
      ['(full-screen ', 'allow'],
      [fullScreen.slice(0, 13), 'allow'],
      ['(full-screen ', 'deny'],
    ]);
  });

  it.each([
    ['a history expansion', '!echo'],
    ['a variable', 'echo $HOME'],
    ['an editor of lines', 'fc'],
  ])('is opaque when it is %s', async (_, line) => {
    lab.apply(
      forbid(
        'context.typed == "line" && context.opaque && context.program != "exec" && context.program != "env" && context.program != "bash"',
      ),
    );
    const typist = await atShell();
    await typist.enter('echo clear', '\rclear\r\n');
    await typist.enter(line, 'to see what policy asks for');
    await typist.leave();
  });

  it('is judged with all of its lines when it was pasted', async () => {
    lab.apply(forbid('context.program == "touch"'));
    const typist = await atShell();
    const file = join(lab.sshd.dir, 'pasted');
    await typist.enter("bind 'set enable-bracketed-paste on'", 'ready> ');
    typist.type(`\u001b[200~echo one\rtouch ${file}\u001b[201~`);
    await typist.until(file);
    await typist.enter('', 'to see what policy asks for');
    await typist.until('ready> ');
    typist.type(`echo one\rtouch ${file}\recho end\r`);
    await typist.until('\rend\r\n');
    expect(existsSync(file)).toBe(false);
    await typist.leave();
  });
});

async function pendingRequest(): Promise<Readonly<Record<string, unknown>>> {
  for (let attempt = 0; ; attempt++) {
    const { document } = await lab.gateway.call('GET', '/v1/requests?state=pending', { as: 'reviewer' });
    const [request] = document['requests'] as readonly Readonly<Record<string, unknown>>[];
    if (request !== undefined) return request;
    if (attempt > 400) throw new Error('nothing is held');
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
