import { SluiceError } from '../lib/errors.js';
import type { AnchorSink } from '../recording/anchor-keeper.js';
import { fileAnchors, objectAnchors, webhookAnchors } from '../recording/anchor-sinks.js';
import { openS3 } from '../recording/objects/s3.js';
import { readPrivateFile, type GivenKeys } from '../recording/signing-keys.js';
import type { RecorderOptions } from '../recording/types.js';
import type { RecordingsConfig } from './recordings-config.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** What the bootstrap file says of recordings, as the recorder takes it; references are read here, once. */
export async function recordingOptions(
  config: RecordingsConfig,
  environment: Environment,
): Promise<Omit<RecorderOptions, 'dir' | 'keysDir' | 'gateway'>> {
  const { recipients, identityFile, retention, sealAfterDays } = config;
  return {
    ...{ recipients, identityFile, retention, sealAfterDays },
    objects: await objectsOf(config, environment),
    volumes: config.volumes,
    reserveBytes: Math.floor(config.reserveMegabytes * 1024 * 1024),
    signingKeys: await readKeys(config, environment),
    anchors: await Promise.all(config.anchors.map((anchor) => sinkOf(anchor, config, environment))),
    anchorMs: config.anchorSeconds * 1000,
  };
}

/** The signing keys that are kept elsewhere than in the state directory; null when they are not. */
export async function readKeys({ signingKey }: RecordingsConfig, environment: Environment): Promise<GivenKeys | null> {
  if (signingKey === null) return null;
  return { pem: await resolve(signingKey, environment), from: nameOf(signingKey) };
}

async function sinkOf(
  anchor: RecordingsConfig['anchors'][number],
  config: RecordingsConfig,
  environment: Environment,
): Promise<AnchorSink> {
  if ('file' in anchor) return fileAnchors(anchor.file);
  if ('objects' in anchor) {
    const objects = await objectsOf(config, environment);
    if (objects === null) throw new SluiceError('config_invalid', 'anchors in objects need recordings.objects');
    return objectAnchors(objects.store);
  }
  const token = anchor.token === null ? null : (await resolve(anchor.token, environment)).trim();
  return webhookAnchors(anchor.webhook, token);
}

async function objectsOf(
  { objects }: RecordingsConfig,
  environment: Environment,
): Promise<NonNullable<RecorderOptions['objects']> | null> {
  if (objects === null) return null;
  const { credentials, localDays, ...options } = objects;
  const secretAccessKey = credentials === null ? '' : (await resolve(credentials.secretKey, environment)).trim();
  const given = credentials === null ? null : { accessKeyId: credentials.accessKeyId, secretAccessKey };
  return { store: await openS3({ ...options, credentials: given }), localDays };
}

function nameOf(reference: string): string {
  return reference.startsWith('env:') ? `the variable ${reference.slice(4)}` : reference.slice('file:'.length);
}

async function resolve(reference: string, environment: Environment): Promise<string> {
  const text = reference.startsWith('env:')
    ? environment[reference.slice(4)]
    : await readPrivateFile(reference.slice('file:'.length));
  if (text === undefined || text === null || text === '') {
    throw new SluiceError('config_invalid', `${nameOf(reference)} is not there, or empty`, { decider: 'local' });
  }
  return text;
}
