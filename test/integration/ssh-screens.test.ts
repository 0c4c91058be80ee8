import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sizeIn } from '../../src/recording/playback/terminal-size.js';
import { cellsOf } from '../support/cells.js';
import { startSshLab, type SshLab } from '../support/ssh-lab.js';
import { Typist } from '../support/typist.js';

// What a person sees through the gateway is what they would see without it. Detectors are on, and lines are followed.

let lab: SshLab;
let direct: string;
let there: string;
const typists: Typist[] = [];
beforeAll(async () => {
  lab = await startSshLab({ detectors: '{ email: mask, token: mask }' });
  there = join(lab.sshd.dir, 'there');
  mkdirSync(there);
  direct = join(lab.sshd.dir, 'direct_config');
  writeFileSync(
    direct,
    `Host web-1\n  HostName 127.0.0.1\n  Port ${lab.sshd.port}\n  User ${lab.sshd.user}\n  IdentityFile ${lab.sshd.dir}/user_key\n` +
      `  UserKnownHostsFile /dev/null\n  StrictHostKeyChecking no\n  BatchMode yes\n  LogLevel ERROR\n`,
  );
}, 60_000);
afterEach(async () => {
  for (const typist of typists.splice(0)) await typist.leave();
});
afterAll(() => lab.stop());

const size = { columns: 90, rows: 28 };
function start(way: 'direct' | 'through', command: string): Typist {
  const typist = Typist.start({ config: way === 'direct' ? direct : lab.config }, command, size);
  typists.push(typist);
  return typist;
}

/** Waits until it shows what it must, and gives the screen that stands there. */
async function settled(typist: Typist, wanted: RegExp): Promise<readonly string[]> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const screen = await cellsOf(typist.shown, size);
    if (wanted.test(screen.join('\n').replaceAll(/<[\d,-]+>/g, ''))) return screen;
    if (Date.now() > deadline) throw new Error(`not shown: ${String(wanted)}\n${screen.join('\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function both(
  command: (way: 'direct' | 'through') => string,
  steps: readonly (readonly [keys: string, shows: RegExp])[],
): Promise<void> {
  const screens: Record<'direct' | 'through', (readonly string[])[]> = { direct: [], through: [] };
  for (const way of ['direct', 'through'] as const) {
    const typist = start(way, command(way));
    for (const [keys, shows] of steps) {
      typist.type(keys);
      screens[way].push(await settled(typist, shows));
    }
    await typist.leave();
  }
  expect(screens.through).toEqual(screens.direct);
  expect(screens.direct).toHaveLength(steps.length);
}

describe('a full-screen program', () => {
  it('looks the same in vi: text in colours, wide characters, edits, scrolling, search', async () => {
    const text = Array.from(
      { length: 200 },
      (_, index) => `line ${index} Zoë 日本語 👍 ${'x'.repeat(index % 70)}`,
    ).join('\n');
    writeFileSync(join(there, 'text.txt'), `${text}\n`);
    await both(
      () => `"env LC_ALL=C.UTF-8 vi -u NONE -N -n ${there}/text.txt"`,
      [
        [':set laststatus=2 ruler notitle\r', /line 0 Zoë[^]*1,1/],
        ['G', /line 199[^]*200,1/],
        ['50Gdd2jodie Füße über Ünïcode\u001b', /die Füße[^]*53,/],
        ['/line 120\r', /line 120 Zoë/],
        [':vsplit\r', /line 120[^]*line 120/],
        [':echo "at the end"\r', /at the end/],
      ],
    );
  }, 120_000);

  it('looks the same in tmux, with panes and a status line', async () => {
    const config = join(there, 'tmux.conf');
    writeFileSync(
      config,
      'set -g status-right ""\nset -g status-left "panes"\nset -g automatic-rename off\nset -g default-command "env PS1=\'$ \' sh"\nset -g escape-time 0\n',
    );
    const server = `sluice-screens-${process.pid}`;
    const command = (way: string): string =>
      `"env LC_ALL=C.UTF-8 tmux -L ${server}-${way} -f ${config} new-session \\\\; rename-window work"`;
    try {
      await both(command, [
        ['', /\$ [^]*panes/],
        ["printf '\\033[31mred\\033[0m Zoë 日本\\n'\r", /red Zoë 日本\s+\n\$ /],
        ['\u0002%', /│\$ /],
        ['seq 40\r', /40\s+\n[^\n]*\$ /],
        ['\u0002"', /─[^]*│\$ /],
        ['echo third\r', /third\s+\n[^\n]*\$ /],
      ]);
    } finally {
      for (const way of ['direct', 'through']) await lab.run('tmux', ['-L', `${server}-${way}`, 'kill-server']);
    }
  }, 120_000);

  it('redraws itself: top shows its table in place, again and again', async () => {
    const heads: string[] = [];
    for (const way of ['direct', 'through'] as const) {
      const typist = start(way, '"env LC_ALL=C TERM=xterm top -d 0.3"');
      await settled(typist, /PID USER/);
      const once = typist.shown.split('load average').length;
      while (typist.shown.split('load average').length < once + 3) await settled(typist, /load average/);
      const screen = await settled(typist, /PID USER/);
      expect(screen[0]).toContain('top - ');
      heads.push(screen.find((line) => line.includes('PID USER')) ?? '');
      typist.type('q');
      await typist.leave();
    }
    expect(heads[0]).toContain('COMMAND');
    expect(heads[1]).toBe(heads[0]);
  }, 120_000);
});

describe('a window that changes its size', () => {
  it('is known to the program, to what follows lines, and to the record', async () => {
    const typist = await Typist.atShell(lab, size);
    typists.push(typist);
    await typist.enter('stty size', `${size.rows} ${size.columns}\r\n`);
    await typist.until('ready> ');
    await typist.resize({ columns: 41, rows: 12 });
    await typist.enter('', 'ready> ');
    // As wide as the window is now, so that the line wraps where it shows.
    const long = `echo ${'word '.repeat(20)}end`;
    await typist.enter('stty size', '12 41\r\n');
    await typist.until('ready> ');
    await typist.enter(long, 'ready> ');
    await typist.leave();
    const [session] = await lab.sessions();
    expect(session?.operations.map(({ text }) => text)).toContain(long);
    const sizes = (await lab.events(session?.id ?? '')).flatMap((event) =>
      event.type === 'terminal' && event.stream === 'r' ? [sizeIn(event.data)] : [],
    );
    // Width and height are set one after the other.
    expect([sizes.at(0), sizes.at(-1)]).toEqual([size, { columns: 41, rows: 12 }]);
  }, 60_000);
});

describe('bytes on a terminal', () => {
  it('come as they are: every byte, every pair, UTF-8 and what is none', async () => {
    const pairs = Buffer.from(Array.from({ length: 65_536 }, (_, index) => [index >> 8, index & 255]).flat());
    const file = join(there, 'bytes');
    writeFileSync(file, Buffer.concat([pairs, Buffer.from('Zoë 日本語 👍\r\n'), pairs]));
    const sums = await Promise.all(
      [direct, lab.config].map((config) =>
        lab.run('bash', ['-c', `ssh -F ${config} -tt web-1 'stty raw -echo; cat ${file}' </dev/null | sha256sum`]),
      ),
    );
    const [sum] = (await lab.run('sha256sum', [file])).stdout.split(' ');
    expect(sums.map(({ stdout }) => stdout)).toEqual([`${sum}  -\n`, `${sum}  -\n`]);
  }, 60_000);

  it('are typed as they are', async () => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const typist = start('through', '"stty raw -echo; printf ready; head -c 256 | od -An -v -tx1"');
    await typist.until('ready');
    typist.type(every);
    const shown = await typist.until(/ff\r?\n/);
    expect(shown.trim().split(/\s+/)).toEqual([...every].map((byte) => byte.toString(16).padStart(2, '0')));
  }, 60_000);
});

describe('lines typed inside of a full-screen program', () => {
  it('are on record as that, and read again behind it', async () => {
    const server = `sluice-lines-${process.pid}`;
    const typist = await Typist.atShell(lab, size);
    typists.push(typist);
    try {
      await typist.enter('echo before', '\rbefore\r\n');
      await typist.until('ready> ');
      await typist.enter(
        `tmux -L ${server} -f /dev/null new-session "env PS1='in''ner> ' bash --norc --noprofile"`,
        'inner> ',
      );
      await typist.enter(`echo ran >${there}/inside`, 'inner> ');
      await typist.enter('exit', 'ready> ');
      await typist.enter(`vi -u NONE -N ${there}/edited`, '\u001b[?1049h');
      typist.type(`:!echo ran >${there}/by-vi\r`);
      await typist.until(/ENTER/);
      typist.type('\r:q\r');
      await typist.until('ready> ');
      await typist.enter('echo behind', '\rbehind\r\n');
      await typist.leave();
    } finally {
      await lab.run('tmux', ['-L', server, 'kill-server']);
    }
    // Both ran: the record tells that something was entered there, and not what.
    for (const name of ['inside', 'by-vi']) expect(readFileSync(join(there, name), 'utf8')).toBe('ran\n');
    const [session] = await lab.sessions();
    const texts = (session?.operations ?? [])
      .filter(({ kind }) => kind === 'line')
      .map(({ text }) => text.split(' ').slice(0, 2).join(' '));
    expect(texts.slice(1)).toEqual([
      'echo before',
      'tmux -L',
      '(full-screen program)',
      'vi -u',
      '(full-screen program)',
      // `:!` leaves the full screen for as long as its command runs.
      '(full-screen program)',
      'echo behind',
    ]);
  }, 60_000);
});
