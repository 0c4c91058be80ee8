import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { openPolicy, startSshLab, type SshLab } from '../../support/ssh-lab.js';
import { Typist } from '../../support/typist.js';

// A shell in which lines of named programs may be typed and nothing else. Each attack makes a file with keys alone: first in a
// shell where everything is permitted, to show that the keys do that, and then in the tight one.

let lab: SshLab;
let canary: string;
beforeAll(async () => {
  lab = await startSshLab();
  mkdirSync(join(lab.sshd.dir, 'there'));
  canary = join(lab.sshd.dir, 'there', 'canary');
});
afterAll(() => lab.stop());
const typists: Typist[] = [];
afterEach(async () => {
  for (const typist of typists.splice(0)) await typist.leave();
  rmSync(canary, { force: true });
});

const tight = `@id("in") permit (principal, action in [Action::"connect", Action::"shell"], resource);
@id("lines") permit (principal, action == Action::"exec", resource)
when { context.typed == "line" && ["echo", "true", "exit"].contains(context.program) && !context.opaque };\n`;

/** Keys, with what must be shown before the next come; null: nothing in particular, so they come a little later. */
type Keys = readonly (readonly [keys: string, shows: string | null])[];
const ctrl = (letter: string): string => String.fromCharCode(letter.charCodeAt(0) - 64);
const esc = '\u001b';

const bash = 'EDITOR=vi bash --norc --noprofile';
const zsh = '-u EDITOR -u VISUAL zsh -f';
const zshOfVi = 'EDITOR=vi zsh -f';
type Attack = readonly [name: string, shell: string, keys: (touch: string) => Keys];
const attacks: readonly Attack[] = [
  ['Enter', bash, (touch) => [[`${touch}\r`, null]]],
  ['Ctrl-J', bash, (touch) => [[`${touch}\n`, null]]],
  ['Ctrl-O', bash, (touch) => [[touch, 'canary'], [ctrl('O'), null]]], // prettier-ignore
  ['a line pasted behind another', bash, (touch) => [[`echo one\r${touch}\r`, null]]],
  [
    'a paste between marks',
    bash,
    (touch) => [
      [`${esc}[200~echo one\n${touch}${esc}[201~`, 'canary'],
      ['\r', null],
    ],
  ],
  ['a paste between marks with its Enter', bash, (touch) => [[`${esc}[200~echo one\n${touch}\n${esc}[201~\r`, null]]],
  ['history search', bash, (touch) => [[`echo ${touch}\r`, 'canary\r\n'], [ctrl('R'), 'i-search'], ['touch', 'touch'], [`${ctrl('A')}${esc}d`, null], ['\r', null]]], // prettier-ignore
  ['completion', bash, (touch) => [[`touc\t${touch.slice(6)}`, 'canary'], ['\r', null]]], // prettier-ignore
  ['a line longer than the screen', bash, (touch) => [[`echo ${'word '.repeat(600)}; ${touch}\r`, null]]],
  ['a yank of what was killed', bash, (touch) => [[`${touch}${ctrl('U')}${ctrl('Y')}`, null], ['\r', null]]], // prettier-ignore
  ['the last argument', bash, (touch) => [[`echo ${touch.split(' ')[1]}\r`, 'canary\r\n'], [`touch ${esc}.`, 'touch'], ['\r', null]]], // prettier-ignore
  ['a key that expands the line', bash, (touch) => [[`echo $(${touch})${esc}${ctrl('E')}`, null]]],
  ['the same in two pieces', bash, (touch) => [[`echo $(${touch})`, 'canary'], [esc, null], [ctrl('E'), null]]], // prettier-ignore
  ['a key that takes a comment’s mark away', bash, (touch) => [[`#${touch}`, 'canary'], [`${esc}1${esc}#`, null]]], // prettier-ignore
  ['an editor for the line', bash, (touch) => [[touch, 'canary'], [`${ctrl('X')}${ctrl('E')}`, null], ['ZZ', null]]], // prettier-ignore
  ['an editor for an empty line', bash, (touch) => [[`${ctrl('X')}${ctrl('E')}`, null], [`i${touch}${esc}ZZ`, null]]], // prettier-ignore
  ['a window that changes its size', bash, (touch) => [[touch.slice(0, 8), 'touch'], ['RESIZE', null], [`${touch.slice(8)}\r`, null]]], // prettier-ignore
  [
    'a title that never ends',
    bash,
    (touch) => [
      [`echo -e '\\e]0;'\r`, null],
      [`${touch}\r`, null],
    ],
  ],
  [
    'a title that ends as few do',
    bash,
    (touch) => [
      [`echo -e '\\e]0;t\\xc2\\x9c'\r`, null],
      [`${touch}\r`, null],
    ],
  ],
  [
    'text that is not shown',
    bash,
    (touch) => [
      [`echo -e '\\e[8m'\r`, null],
      [`${touch}\r`, null],
    ],
  ],
  [
    'a margin',
    bash,
    (touch) => [
      [`echo -e '\\e[5;6r'\r`, null],
      [`${touch}\r`, null],
    ],
  ],
  [
    'the other screen',
    bash,
    (touch) => [
      [`echo -e '\\e[?1049h'\r`, null],
      [`${touch}\r`, null],
    ],
  ],
  ['a paste that nobody takes as one', 'dash', (touch) => [[`echo '\\033[?2004h'\r`, null], [`${esc}[200~;${touch}\r`, null]]], // prettier-ignore
  ['completion that expands', zsh, (touch) => [[`echo $(${touch})\t`, null]]],
  ['completion that expands what came back', zsh, (touch) => [[`echo $(${touch})${ctrl('U')}\r${ctrl('Y')}`, null], ['\t', null]]], // prettier-ignore
  ['a key of vi mode that expands', zshOfVi, (touch) => [[`echo $(${touch})${ctrl('G')}`, null]]],
  ['a key that runs the line and keeps it', zsh, (touch) => [[touch, 'canary'], [`${esc}a`, null]]], // prettier-ignore
];

async function attack(keys: Keys, typist: Typist): Promise<void> {
  for (const [typed, shows] of keys) {
    if (typed === 'RESIZE') await typist.resize({ columns: 40, rows: 10 });
    else typist.type(typed);
    if (shows !== null) await typist.until(shows);
    else await new Promise((resolve) => setTimeout(resolve, 700));
  }
}

const isHere = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(':').some((dir) => existsSync(join(dir, program)));
const programOf = (shell: string): string => /\b(?:bash|dash|zsh)\b/.exec(shell)?.[0] ?? '';
async function untilMade(): Promise<void> {
  for (let attempt = 0; !existsSync(canary) && attempt < 400; attempt++)
    await new Promise((resolve) => setTimeout(resolve, 50));
}

async function tryIt(policies: string, shell: string, keys: Keys): Promise<Typist> {
  lab.apply(openPolicy);
  const typist = await Typist.atShell(lab);
  typists.push(typist);
  await typist.enter(`exec env ${shell.replace(/(?=bash|zsh|dash)/, `PS1='rea''dy> ' HISTFILE= `)}`, 'ready> ');
  lab.apply(policies);
  await attack(keys, typist);
  return typist;
}

it.for(attacks)('%s', async ([, shell, keysOf], { skip }) => {
  skip(!isHere(programOf(shell)), 'its shell is not installed');
  const keys = keysOf(`touch ${canary}`);
  const inside = await tryIt(tight, shell, keys);
  // Refused in words, or with a bell where a program draws the screen.
  await inside.until(new RegExp(`denied|${String.fromCharCode(7)}`));
  await inside.leave();
  await lab.sessions();
  expect(existsSync(canary)).toBe(false);
  await tryIt(openPolicy, shell, keys);
  await untilMade();
  expect(existsSync(canary)).toBe(true);
});
