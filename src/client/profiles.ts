import { join } from 'node:path';
import { SluiceError } from '../lib/errors.js';
import { readIfPresent, writePrivate } from '../lib/private-files.js';
import { parseObject } from './error-document.js';
import { parseGatewayUrl } from './gateway-url.js';

/** A gateway under a name of the user's. Holds no secret. */
export interface Profile {
  readonly name: string;
  readonly gateway: string;
  /** Who logged in last, as the gateway names them. */
  readonly user: string | null;
  /** Where this profile's login is kept; null when there is none. */
  readonly credentials: 'keyring' | 'file' | null;
}

interface Config {
  readonly defaultProfile: string | null;
  readonly profiles: ReadonlyMap<string, Profile>;
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The user's profiles, in `config.json` in the config directory. Every write replaces the file whole. */
export class Profiles {
  readonly #file: string;

  constructor(configDir: string) {
    this.#file = join(configDir, 'config.json');
  }

  list(): readonly Profile[] {
    return [...this.#read().profiles.values()];
  }

  get(name: string): Profile | null {
    return this.#read().profiles.get(name) ?? null;
  }

  /** Name of the profile used when none is asked for. */
  get defaultName(): string {
    return this.#read().defaultProfile ?? 'default';
  }

  /** Adds or replaces a profile; the first one becomes the default. */
  save(profile: Profile): void {
    requireProfileName(profile.name);
    const config = this.#read();
    const profiles = new Map(config.profiles).set(profile.name, profile);
    this.#write({ defaultProfile: config.defaultProfile ?? profile.name, profiles });
  }

  remove(name: string): void {
    const config = this.#read();
    const profiles = new Map(config.profiles);
    profiles.delete(name);
    const [first = null] = profiles.keys();
    this.#write({ defaultProfile: config.defaultProfile === name ? first : config.defaultProfile, profiles });
  }

  /**
   * The profile that a command should use. A gateway without a profile of its own gives a nameless one, which has no login:
   * a token is never sent to another gateway than it was made for.
   */
  resolve(asked: { readonly profile: string | null; readonly gateway: string | null }): Profile {
    const config = this.#read();
    const gateway = asked.gateway === null ? null : parseGatewayUrl(asked.gateway);
    if (asked.profile !== null) {
      requireProfileName(asked.profile);
      const profile = config.profiles.get(asked.profile);
      if (profile !== undefined && (gateway === null || gateway === profile.gateway)) return profile;
      if (gateway !== null) return { name: asked.profile, gateway, user: null, credentials: null };
      throw new SluiceError('login_required', `There is no profile "${asked.profile}"`, {
        decider: 'local',
        next: [{ command: `sluice login GATEWAY --profile ${asked.profile}`, when: 'to make it' }],
      });
    }
    const byDefault = config.profiles.get(config.defaultProfile ?? 'default');
    if (gateway !== null) {
      const known = [byDefault, ...config.profiles.values()].find((profile) => profile?.gateway === gateway);
      return known ?? { name: 'default', gateway, user: null, credentials: null };
    }
    if (byDefault !== undefined) return byDefault;
    throw new SluiceError('login_required', 'Not logged in to any gateway', {
      decider: 'local',
      next: [{ command: 'sluice login GATEWAY', when: "with your gateway's address" }],
    });
  }

  #read(): Config {
    const text = readIfPresent(this.#file);
    if (text === null) return { defaultProfile: null, profiles: new Map() };
    const document = parseObject(text);
    if (document === null) {
      throw new SluiceError('config_invalid', `${this.#file} is not valid JSON; repair or delete it`, {
        decider: 'local',
      });
    }
    const byName = document['profiles'];
    const items = typeof byName === 'object' && byName !== null ? Object.entries(byName) : [];
    const profiles = items.flatMap(([name, value]: [string, unknown]) => decodeProfile(name, value));
    const fallback = document['default_profile'];
    return {
      defaultProfile: typeof fallback === 'string' ? fallback : null,
      profiles: new Map(profiles.map((profile) => [profile.name, profile])),
    };
  }

  #write({ defaultProfile, profiles }: Config): void {
    const byName = Object.fromEntries(
      [...profiles.values()].map(({ name, gateway, user, credentials }) => [name, { gateway, user, credentials }]),
    );
    writePrivate(
      this.#file,
      `${JSON.stringify({ version: 1, default_profile: defaultProfile, profiles: byName }, null, 2)}\n`,
    );
  }
}

function decodeProfile(name: string, value: unknown): Profile[] {
  if (!namePattern.test(name) || typeof value !== 'object' || value === null || !('gateway' in value)) return [];
  const user = 'user' in value && typeof value.user === 'string' ? value.user : null;
  const store = 'credentials' in value ? value.credentials : null;
  const credentials = store === 'keyring' || store === 'file' ? store : null;
  return typeof value.gateway === 'string' ? [{ name, gateway: value.gateway, user, credentials }] : [];
}

/** Profile names become file names. */
export function requireProfileName(name: string): void {
  if (namePattern.test(name)) return;
  throw new SluiceError('usage', `"${name}" is not a profile name: letters, digits, ".", "_", "-"`, {
    decider: 'local',
  });
}
