import { Config } from '@oclif/core/config';
import { settings } from '@oclif/core/settings';
import { readFile } from 'node:fs/promises';
import { topics } from './topics.js';

/** oclif's view of the commands, for help and the manifest. Its transpiling is off: source runs under tsx anyway. */
export async function loadConfig(root: string, packageFile: URL): Promise<Config> {
  settings.enableAutoTranspile = false;
  const pjson = JSON.parse(await readFile(packageFile, 'utf8')) as Config['pjson'];
  return Config.load({ root, pjson: { ...pjson, oclif: { ...pjson.oclif, commands: './commands', topics } } });
}
