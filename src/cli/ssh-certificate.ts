import { join } from 'node:path';
import { SluiceError } from '../lib/errors.js';
import { readIfPresent, writePrivate } from '../lib/private-files.js';
import { openConnection, type Asked } from './connection.js';
import type { Environment } from './environment.js';
import { newSshKey } from './openssh-key.js';
import type { Output } from './output.js';

export interface CertificateOrder {
  /** The public key of the user's own, an Ed25519 key; null for one that is made and kept here. */
  readonly key: string | null;
}

/** Gets a certificate of a few minutes for an SSH key, and puts it where ssh looks for it: beside the key. */
export async function obtainCertificate(
  order: CertificateOrder,
  asked: Asked,
  { environment, out }: { readonly environment: Environment; readonly out: Output },
): Promise<void> {
  const { client, profile } = await openConnection(environment, asked);
  const { path, publicKey } = order.key === null ? keptKey(environment) : ownKey(order.key);
  const { certificate, valid_before: validBefore } = await client.sshCertificate(publicKey);
  if (!/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+$/.test(certificate))
    throw new SluiceError('unexpected', 'The gateway gave a certificate that is none.', { decider: 'local' });
  const file = `${path}-cert.pub`;
  writePrivate(file, `${certificate}\n`);
  const { port } = await client.ssh();
  const host = new URL(profile.gateway).hostname;
  const command = port === null ? null : `ssh -i ${path} -p ${port} TARGET@${host}`;
  const document = { identity_file: path, certificate_file: file, valid_before: validBefore, port, command };
  out.show({ schema: 'sluice.ssh_certificate_file/v1', ok: true, ...document }, () => file);
  out.note(`Valid until ${validBefore}.`);
  out.note(command ?? 'This gateway has no native SSH listener; "sluice config ssh" works without one.');
}

export function keptKey({ configDir }: Environment): { readonly path: string; readonly publicKey: string } {
  const path = join(configDir, 'ssh', 'id_ed25519');
  const known = readIfPresent(`${path}.pub`);
  if (known !== null && readIfPresent(path) !== null) return { path, publicKey: known.trim() };
  const made = newSshKey('sluice');
  writePrivate(path, made.privateKey);
  writePrivate(`${path}.pub`, made.publicKey);
  return { path, publicKey: made.publicKey.trim() };
}

export function ownKey(file: string): { readonly path: string; readonly publicKey: string } {
  const path = file.replace(/\.pub$/, '');
  const publicKey = readIfPresent(`${path}.pub`);
  if (publicKey !== null) return { path, publicKey: publicKey.trim() };
  throw new SluiceError('usage', `There is no public key ${path}.pub.`, {
    decider: 'local',
    next: [{ command: `ssh-keygen -t ed25519 -f ${path}`, when: 'to make one' }],
  });
}
