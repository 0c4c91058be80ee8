import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readEnvironment } from '../environment.js';
import { asksQuietly, profileOf } from './asked-profile.js';
import { complete, type CompletionSpec } from './complete.js';
import { mayRefresh, namesFile, readNames } from './known-names.js';
import { refreshInBackground } from './refresh-process.js';
import { joinedWords, printed } from './shell-words.js';

/**
 * `sluice __complete SHELL WORDS…`: what shells run at every Tab. Reads two files and prints; it asks no gateway, opens no
 * keyring, loads none of the command line, and says nothing when something is wrong: it stands in somebody's prompt.
 */
export function completeAndExit(dist: string, argv: readonly string[]): never {
  try {
    process.stdout.write(answer(dist, argv));
  } catch {
    // Nothing is offered.
  }
  process.exit(0);
}

function answer(dist: string, [shell = '', ...given]: readonly string[]): string {
  const environment = readEnvironment(process.env);
  const spec = JSON.parse(readFileSync(join(dist, 'completion.json'), 'utf8')) as CompletionSpec;
  const typed = shell === 'powershell' ? (process.env['SLUICE_COMPLETE_WORDS'] ?? '').split('\n') : given;
  const { words, cut } = shell === 'bash' ? joinedWords(typed) : { words: typed, cut: 0 };
  const completion = complete(words, spec, () => {
    const { profile, all } = profileOf(environment, words);
    const file = profile === null ? null : namesFile(environment.stateDir, profile);
    if (profile !== null && asksQuietly(environment, profile) && mayRefresh(file, Date.now()))
      refreshInBackground(join(dist, '..'), profile, process.env);
    return readNames(file, all);
  });
  return printed(completion, cut);
}
