import { existsSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CommandClass } from './base-command.js';

/** A group whose own name is a command too: what it stands for. Told to help by the command's own `aliases`. */
export const aliases: Readonly<Record<string, string>> = {
  tunnels: 'tunnels:list',
  relays: 'relays:list',
};

/** Ids of all commands: the files below `commands/`, their path being their name (`requests:approve`). */
export function commandIds(root: string): readonly string[] {
  const dir = join(root, 'commands');
  const files = readdirSync(dir, { recursive: true, withFileTypes: true });
  const ids = files
    .filter((entry) => entry.isFile() && /^[^.]+\.[jt]s$/.test(entry.name))
    .map(({ parentPath, name }) => relative(dir, join(parentPath, name)).split(sep).join(':').slice(0, -3));
  return [...ids, ...Object.keys(aliases)];
}

/** Loads one command's file, and no other's. */
export async function loadCommand(root: string, id: string): Promise<CommandClass> {
  const file = join(root, 'commands', ...(aliases[id] ?? id).split(':'));
  const found = [`${file}.js`, `${file}.ts`].find((path) => existsSync(path));
  if (found === undefined) throw new TypeError(`no file for the command ${id}`);
  const module = (await import(pathToFileURL(found).href)) as { readonly default: CommandClass };
  return module.default;
}

/** Every proper prefix of a command's id. */
export function topicsOf(ids: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const id of ids) {
    const parts = id.split(':');
    for (let length = 1; length < parts.length; length++) found.add(parts.slice(0, length).join(':'));
  }
  return [...found];
}
