import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SluiceClient } from '../client/api.js';
import { Profiles, type Profile } from '../client/profiles.js';
import { openTokenSource, type TokenSource } from '../client/tokens.js';
import { Transport } from '../client/transport.js';
import { SluiceError } from '../lib/errors.js';
import type { Environment } from './environment.js';
import { rememberVersion } from './update-notice.js';

/** Which login and gateway were asked for by flag or environment. */
export interface Asked {
  readonly profile: string | null;
  readonly gateway: string | null;
}
export interface Connection {
  readonly client: SluiceClient;
  readonly profile: Profile;
  readonly tokens: TokenSource;
  readonly transport: Transport;
}

/** A client for the gateway that flag > environment > .sluice.yaml > user configuration name. Sends nothing yet. */
export async function openConnection(environment: Environment, asked: Asked): Promise<Connection> {
  const profile = new Profiles(environment.configDir).resolve({
    gateway: asked.gateway,
    profile: asked.profile ?? (asked.gateway === null ? await projectProfile(process.cwd()) : null),
  });
  const transport = new Transport(environment);
  const tokens = openTokenSource({ environment, profile, transport });
  const onVersion = (version: string): void => rememberVersion(environment.stateDir, version);
  const client = new SluiceClient({ gateway: profile.gateway, transport, tokens, onVersion });
  return { client, profile, tokens, transport };
}

/**
 * `profile:` of the nearest .sluice.yaml, from here upwards. It names one of the user's own profiles and nothing else: a
 * folder that somebody else wrote must not choose where tokens are sent.
 */
async function projectProfile(from: string): Promise<string | null> {
  for (let dir = from; ; dir = dirname(dir)) {
    const file = join(dir, '.sluice.yaml');
    const text = await readFile(file, 'utf8').catch(() => null);
    if (text !== null) {
      const { parse } = await import('yaml');
      const document: unknown = parseYaml(parse, text, file);
      const named =
        typeof document === 'object' && document !== null && 'profile' in document ? document.profile : null;
      return typeof named === 'string' ? named : null;
    }
    if (dirname(dir) === dir) return null;
  }
}

function parseYaml(parse: (text: string) => unknown, text: string, file: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    throw new SluiceError('config_invalid', `${file} is not valid YAML.`, { decider: 'local', cause });
  }
}
