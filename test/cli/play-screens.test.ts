import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { cellsOf } from '../support/cells.js';
import { startSshLab, type SshLab } from '../support/ssh-lab.js';
import { Terminal } from '../support/tmux.js';
import { makeHome } from './support/run-cli.js';

// What `sluice play` paints at a moment is what stood on the person's own terminal at that moment, cell by cell: both are
// real terminals (tmux), the one with OpenSSH in it, the other with the player.

let lab: SshLab;
let home: Awaited<ReturnType<typeof makeHome>>;
let there: string;
const terminals: Terminal[] = [];
let opened = 0;
const size = { columns: 90, rows: 24 };
const entry = fileURLToPath(new URL('../../bin/dev.js', import.meta.url));

beforeAll(async () => {
  lab = await startSshLab({ detectors: '{ email: mask, token: mask }' });
  home = await makeHome();
  there = join(lab.sshd.dir, 'there');
  mkdirSync(there);
  const lines = Array.from({ length: 200 }, (_, index) => `line ${index} Zoë 日本語 👍 ${'x'.repeat(index % 70)}`);
  writeFileSync(join(there, 'text.txt'), `${lines.join('\n')}\n`);
}, 60_000);
afterEach(async () => {
  for (const terminal of terminals.splice(0)) await terminal.close();
});
afterAll(async () => {
  await home.remove();
  await lab.stop();
});

async function terminal(name: string, { columns, rows } = size): Promise<Terminal> {
  const env = {
    ...{ PATH: process.env['PATH'] ?? '', HOME: home.dir, TERM: 'tmux-256color', LC_ALL: 'C.UTF-8', PS1: '$ ' },
    ...{ SLUICE_STATE_DIR: join(home.dir, 'state'), SLUICE_NO_DAEMON: '1' },
    ...{ SLUICE_GATEWAY: lab.gateway.url, SLUICE_TOKEN: await lab.gateway.token('reviewer') },
  };
  const one = await Terminal.open(`${name}-${opened++}`, env, { columns, rows });
  terminals.push(one);
  return one;
}

interface Moment {
  /** By the clock. */
  readonly at: number;
  readonly drawn: Awaited<ReturnType<Terminal['drawn']>>;
}

/** The screen once it shows this, and nothing has changed on it for a while. */
async function stillAt(person: Terminal, shows: RegExp): Promise<Moment> {
  await person.shows(shows);
  for (;;) {
    const before = await person.drawn();
    await pause(500);
    const at = Date.now();
    await pause(500);
    const drawn = await person.drawn();
    if (JSON.stringify(before) === JSON.stringify(drawn)) return { at, drawn };
  }
}

/** Does something in a terminal through the gateway, and looks at each step. */
async function watched(
  command: string,
  steps: readonly (readonly [keys: string, shows: RegExp])[],
  person?: Terminal,
): Promise<readonly Moment[]> {
  const own = person ?? (await terminal('person'));
  await own.type(`ssh -F ${lab.config} -tt web-1 ${command}`);
  const moments: Moment[] = [];
  for (const [keys, shows] of steps) {
    if (keys !== '') await own.keys(keys);
    moments.push(await stillAt(own, shows));
  }
  // The terminal goes away, and ssh with it.
  await own.close();
  return moments;
}

async function newestSession(): Promise<{ readonly id: string; readonly begunAt: number }> {
  const [session] = await lab.sessions();
  const [open] = await lab.events(session?.id ?? '');
  return { id: session?.id ?? '', begunAt: open?.at ?? 0 };
}

/** Cells with their colours: a row that ends early and one that ends in blanks are the same to people. */
async function cellsIn({ rows, cursor }: Moment['drawn']): Promise<readonly string[]> {
  const cells = await cellsOf(rows.slice(0, size.rows).join('\r\n'), size);
  return [...cells.slice(0, -1), cursor];
}

/** Looks at the moments with the player, on a terminal with one row more for its status, in an order of its own. */
async function expectPlayed(moments: readonly Moment[], order: readonly number[]): Promise<void> {
  const { id, begunAt } = await newestSession();
  for (const index of order) {
    const moment = moments[index];
    if (moment === undefined) throw new TypeError();
    const reviewer = await terminal('reviewer', { columns: size.columns, rows: size.rows + 1 });
    await reviewer.type(`${process.execPath} ${entry} play ${id} --at ${moment.at - begunAt}ms`);
    // Read when the player begins.
    await reviewer.keys(' ');
    await reviewer.shows(/⏸ /);
    const { drawn } = await stillAt(reviewer, /⏸ /);
    expect(await cellsIn(drawn), `moment ${index}`).toEqual(await cellsIn(moment.drawn));
    await reviewer.close();
    terminals.splice(terminals.indexOf(reviewer), 1);
  }
}

it('vi: colours, wide characters, scrolling, split windows, edits', async () => {
  const moments = await watched(`"env LC_ALL=C.UTF-8 TERM=xterm-256color vi -u NONE -N -n ${there}/text.txt"`, [
    [':set laststatus=2 ruler hlsearch\r:syntax on\r', /line 0 Zoë[^]*1,1/],
    ['50Gdd2jodie Füße über Ünïcode\u001b', /die Füße/],
    ['/line 120\r', /line 120 Zoë/],
    [':split\r\u0006\u0006', /line/],
    [':vsplit\r:2\r', /line 1 Zoë/],
  ]);
  await expectPlayed(moments, [4, 0, 3, 1, 2]);
}, 180_000);

it('tmux: panes, colours, a status line, output that scrolls in a pane', async () => {
  const config = join(there, 'tmux.conf');
  writeFileSync(
    config,
    'set -g status-right ""\nset -g status-left "panes"\nset -g automatic-rename off\nset -g default-command "env PS1=\'> \' sh"\n',
  );
  const server = `sluice-played-${process.pid}`;
  try {
    const moments = await watched(
      `"env LC_ALL=C.UTF-8 TERM=xterm-256color tmux -L ${server} -f ${config} new-session \\\\; rename-window work"`,
      [
        ["printf '\\033[31;1mred\\033[0m Zoë 日本 \\033[48;5;33mblue\\033[0m\\n'\r", /red Zoë 日本 blue\n/],
        ['\u0002%', /│> /],
        ['seq 90\r', /90\s/],
        ['\u0002"', /─[^]*│> /],
        ['echo third; seq 5\r', /third\s/],
      ],
    );
    await lab.run('tmux', ['-L', server, 'kill-server']);
    await expectPlayed(moments, [4, 2, 0, 3, 1]);
  } finally {
    await lab.run('tmux', ['-L', server, 'kill-server']);
  }
}, 180_000);

it('top: a table that is drawn again and again in place', async () => {
  const moments = await watched('"env LC_ALL=C TERM=xterm-256color top -d 3"', [
    ['', /PID USER/],
    ['z', /PID USER/],
    ['1', /%Cpu0/],
  ]);
  await expectPlayed(moments, [2, 0, 1]);
}, 180_000);

it('a shell whose window changes its size', async () => {
  const person = await terminal('person');
  await person.type(`ssh -F ${lab.config} -tt web-1 "env PS1='> ' bash --norc --noprofile"`);
  await person.shows(/> $/m);
  await person.type('seq 60; echo "$(seq -s, 40)"');
  const before = await stillAt(person, /40\s+> $/m);
  await person.resize({ columns: 60, rows: 15 });
  await person.type('echo now $(stty size)');
  const small = await stillAt(person, /now 15 60/);
  await person.resize(size);
  await person.type('clear; echo large again');
  const after = await stillAt(person, /large again/);
  await person.close();
  await expectPlayed([before, after], [1, 0]);
  const { id, begunAt } = await newestSession();
  const reviewer = await terminal('reviewer', { columns: 60, rows: 16 });
  await reviewer.type(`${process.execPath} ${entry} play ${id} --at ${small.at - begunAt}ms`);
  await reviewer.keys(' ');
  const played = await stillAt(reviewer, /⏸ /);
  expect(played.drawn.rows[13]).toBe(small.drawn.rows[13]);
  expect(played.drawn.rows.join('\n')).toContain('now 15 60');
}, 120_000);
