// Writes dist/completion.json: what shells complete, from the command manifest. Small, since it is read at every Tab.
import { readFile, writeFile } from 'node:fs/promises';

function flagOf({ summary = '', char = null, type, options, multiple = false }) {
  return { summary, char, value: type === 'boolean' ? 'none' : (options ?? 'any'), multiple };
}

/** The flags that every command has, or those that it alone has. */
function flagsOf(flags, global) {
  const some = Object.entries(flags).filter(
    ([, { hidden, helpGroup }]) => !hidden && (helpGroup === 'GLOBAL') === global,
  );
  return Object.fromEntries(some.map(([name, flag]) => [name, flagOf(flag)]));
}

/** Builds the file; returns how many commands it knows. */
export async function writeCompletion() {
  const { commands } = JSON.parse(await readFile(new URL('../dist/oclif.manifest.json', import.meta.url), 'utf8'));
  const { topics } = await import('../dist/src/cli/topics.js');
  const shown = Object.entries(commands).filter(([, { hidden }]) => !hidden);
  const spec = shown.map(([id, { summary = '', args, flags }]) => {
    return [id, { summary, args: Object.keys(args), flags: flagsOf(flags, false) }];
  });
  const about = Object.fromEntries(Object.entries(topics).map(([name, { description }]) => [name, description]));
  const [first] = Object.values(commands);
  const document = { global: flagsOf(first.flags, true), commands: Object.fromEntries(spec), topics: about };
  await writeFile(new URL('../dist/completion.json', import.meta.url), `${JSON.stringify(document)}\n`);
  return shown.length;
}
