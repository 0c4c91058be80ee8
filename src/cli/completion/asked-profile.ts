import { dirname, join } from 'node:path';
import { Profiles, type Profile } from '../../client/profiles.js';
import { readIfPresent } from '../../lib/private-files.js';
import type { Environment } from '../environment.js';

export interface AskedProfile {
  /** Null when there is none, or none that can be read. */
  readonly profile: Profile | null;
  readonly all: readonly Profile[];
}

/** The profile that a command with these words uses: by flag, environment, .sluice.yaml, default. */
export function profileOf(environment: Environment, words: readonly string[]): AskedProfile {
  const profiles = new Profiles(environment.configDir);
  const flag = (name: string): string | null => {
    const at = words.indexOf(`--${name}`);
    const joined = words.find((word) => word.startsWith(`--${name}=`));
    return (at === -1 ? joined?.slice(name.length + 3) : words[at + 1]) ?? null;
  };
  const gateway = flag('gateway') ?? environment.gateway;
  const named = flag('profile') ?? environment.profile ?? (gateway === null ? projectProfile(process.cwd()) : null);
  const all = profiles.list();
  try {
    return { profile: profiles.resolve({ gateway, profile: named }), all };
  } catch {
    return { profile: null, all };
  }
}

/** `profile:` of the nearest .sluice.yaml, if it is written plainly: a YAML parser would take longer than all the rest. */
function projectProfile(from: string): string | null {
  for (let dir = from; ; dir = dirname(dir)) {
    const text = readIfPresent(join(dir, '.sluice.yaml'));
    if (text !== null) return /^profile:[ \t]*["']?([A-Za-z0-9._-]+)["']?[ \t]*(?:#.*)?$/m.exec(text)?.[1] ?? null;
    if (dirname(dir) === dir) return null;
  }
}

/** Asking as this login opens no dialog: a locked keyring would. There, commands that are run bring the names along. */
export function asksQuietly({ token, tokenFile, identityTokenFile }: Environment, profile: Profile): boolean {
  return token !== null || tokenFile !== null || identityTokenFile !== null || profile.credentials === 'file';
}
