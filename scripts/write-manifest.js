// Writes dist/oclif.manifest.json after a build, so that starting a command loads that command's file only.
import { rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** Builds the manifest from the compiled commands; returns how many there are. */
export async function writeManifest() {
  const root = new URL('../dist/', import.meta.url);
  const file = new URL('oclif.manifest.json', root);
  // One that is there would be read instead of the commands.
  await rm(file, { force: true });
  const { loadConfig } = await import('../dist/src/cli/oclif-config.js');
  const config = await loadConfig(fileURLToPath(root), new URL('../package.json', import.meta.url));
  const [plugin] = config.plugins.values();
  const commands = plugin.manifest.commands;
  const count = Object.keys(commands).length;
  if (count === 0) throw new Error('write-manifest: no commands found in dist/commands');
  await writeFile(file, `${JSON.stringify({ version: plugin.version, commands })}\n`);
  return count;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeManifest();
