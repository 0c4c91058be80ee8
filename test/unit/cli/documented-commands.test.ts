import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { BaseCommand } from '../../../src/cli/base-command.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Files below a folder, by their path from the root. */
const filesIn = (folder: string, end: string): readonly string[] =>
  readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(end))
    .map((file) => `${folder}/${file}`);

/** Long and short flags of each command, as typed. */
async function flagsByCommand(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const found = new Map<string, ReadonlySet<string>>();
  for (const file of filesIn('commands', '.ts')) {
    const { default: command } = (await import(`${root}${file}`)) as { default: typeof BaseCommand };
    const flags = Object.entries({ ...command.flags, ...BaseCommand.baseFlags }).flatMap(([name, flag]) => [
      `--${name}`,
      ...(flag.allowNo === true ? [`--no-${name}`] : []),
      ...(flag.char === undefined ? [] : [`-${flag.char}`]),
    ]);
    const name = file
      .replace(/^commands\//, '')
      .replace(/\.ts$/, '')
      .replaceAll('/', ' ');
    for (const alias of [name, ...command.aliases]) found.set(alias, new Set([...flags, '--help', '-h']));
  }
  return found;
}

/** What stands in a document as a command of ours, each up to where another one, a comment or prose begins. */
function commandsIn(text: string): readonly string[] {
  const blocks = [...text.matchAll(/^```\w*\n(.*?)^```/gms)].flatMap(([, body = '']) => body.split('\n'));
  const inline = [...text.replace(/^```.*?^```/gms, '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
  return [...blocks, ...inline].flatMap((line) =>
    line
      .replaceAll(/"[^"]*"|'[^']*'/g, 'TEXT')
      .split(/&&|\|\|?|;|<|>|\s#\s/)
      .map((part) => part.trim().replace(/^\$ /, ''))
      .filter((part) => part.startsWith('sluice ')),
  );
}

/** Commands that a source file names as the next ones. */
const commandsInSource = (text: string): readonly string[] =>
  [...text.matchAll(/command: (['`"])(sluice [a-z](?:\\.|(?!\1)[^\\])*)\1/g)].map(([, , code = '']) =>
    code.replaceAll(/\$\{[^}]*\}/g, 'X').replaceAll(/"[^"]*"/g, 'TEXT'),
  );

/** Says whether there is no such command, or not with these flags. */
function isWrong(text: string, known: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  const [, ...words] = (text.split(/ -- | …|\.\.\./)[0] ?? text).split(/\s+/);
  if (words.length === 0 || words[0] === 'help' || words[0] === '__complete') return false;
  const name = [3, 2, 1].map((count) => words.slice(0, count).join(' ')).find((some) => known.has(some));
  // A topic alone: "sluice requests".
  if (name === undefined) return ![...known.keys()].some((command) => command.startsWith(`${words.join(' ')} `));
  const flags = words
    .map((word) => word.replace(/=.*/, '').replace(/^\[|[.,;:)\]]+$/g, ''))
    .filter((word) => /^--?[a-z]/.test(word));
  return flags.some((flag) => !(known.get(name)?.has(flag) ?? false));
}

describe('every command exists, with its flags,', async () => {
  const known = await flagsByCommand();

  it.each(['README.md', ...filesIn('docs', '.md')])('that %s shows', (document) => {
    const shown = commandsIn(readFileSync(`${root}${document}`, 'utf8'));
    expect(shown.filter((text) => isWrong(text, known))).toEqual([]);
  });

  it('that a message names as the next one', () => {
    const named = [...filesIn('src', '.ts'), ...filesIn('commands', '.ts')].flatMap((file) =>
      commandsInSource(readFileSync(`${root}${file}`, 'utf8')),
    );
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter((text) => isWrong(text, known))).toEqual([]);
  });
});
