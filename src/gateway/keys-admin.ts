import { join } from 'node:path';
import { SluiceError } from '../lib/errors.js';
import { listKeys } from '../recording/key-ring.js';
import { lockRecordings } from '../recording/lock.js';
import { openSigningKeys, rotateKeyFile, type KeyPlace } from '../recording/signing-keys.js';
import type { RecordingKey } from '../recording/types.js';
import { readBootstrap } from './bootstrap-file.js';
import { readKeys } from './recordings-options.js';

type Environment = Readonly<Record<string, string | undefined>>;

export interface KeysDocument {
  readonly schema: 'sluice.keys/v1';
  readonly ok: true;
  readonly keys: readonly RecordingKey[];
}

/** The recording keys of a gateway on this machine, running or not. */
export async function listKeysOf(config: string, environment: Environment): Promise<KeysDocument> {
  const place = await placeOf(config, environment);
  const { active } = await openSigningKeys(place);
  return { schema: 'sluice.keys/v1', ok: true, keys: await listKeys(place.recordingsDir, active.id) };
}

/** Changes the recording key of a gateway that does not run. */
export async function rotateKeyOf(config: string, environment: Environment): Promise<KeysDocument> {
  const place = await placeOf(config, environment);
  if (place.given !== null) {
    throw new SluiceError('conflict', `the signing key comes from ${place.given.from}: put a new one there`, {
      decider: 'local',
    });
  }
  const lock = lockRecordings(place.recordingsDir);
  try {
    await rotateKeyFile(place);
  } finally {
    lock.release();
  }
  return listKeysOf(config, environment);
}

async function placeOf(config: string, environment: Environment): Promise<KeyPlace> {
  const { stateDir, recordings } = readBootstrap(config);
  const given = await readKeys(recordings, environment);
  return { keysDir: join(stateDir, 'keys'), recordingsDir: join(stateDir, 'recordings'), given };
}
