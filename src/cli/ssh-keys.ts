import { spawn } from 'node:child_process';
import type { SshKeyList } from '../client/api-ssh-types.js';
import { messageOf, SluiceError } from '../lib/errors.js';
import { readIfPresent } from '../lib/private-files.js';
import { openConnection, type Asked } from './connection.js';
import type { Environment } from './environment.js';
import type { Output } from './output.js';
import { keptKey, ownKey } from './ssh-certificate.js';

export interface KeyOrder {
  /** The key of the user's own, of Ed25519 or of a security token; null for one that is made and kept here. */
  readonly key: string | null;
  readonly expiresMs: number | null;
}

/** Registers a key with the gateway, with the proof that one has it: ssh-keygen signs, so a key in an agent does too. */
export async function registerKey(
  order: KeyOrder,
  asked: Asked,
  { environment, out }: { readonly environment: Environment; readonly out: Output },
): Promise<void> {
  const { client, profile } = await openConnection(environment, asked);
  const { path, publicKey } = order.key === null ? keptKey(environment) : ownKey(order.key);
  const { statement, namespace } = await client.sshKeys();
  if (publicKey.startsWith('sk-')) out.note('Touch your security key when it blinks.');
  const proof = await signText(readIfPresent(path) === null ? `${path}.pub` : path, namespace, statement);
  const label = publicKey.split(/\s+/).slice(2).join(' ').slice(0, 100);
  const expires = order.expiresMs === null ? null : new Date(Date.now() + order.expiresMs).toISOString();
  const document = await client.addSshKey({ public_key: publicKey, proof, label, expires_at: expires });
  out.show(document, () => `${out.paint('green', '✓')} ${path} opens what you may use`);
  const { port } = await client.ssh();
  const host = new URL(profile.gateway).hostname;
  if (document.seen_within_minutes !== null)
    out.note(
      `It opens nothing once you have not been seen for ${document.seen_within_minutes} minutes: sluice whoami.`,
    );
  out.note(
    port === null
      ? 'This gateway has no native SSH listener, so there is nothing to use it for yet.'
      : `ssh -i ${path} -p ${port} TARGET@${host}`,
  );
}

/** One row a key. */
export function keyRows({ keys }: SshKeyList): readonly (readonly string[])[] {
  return keys.map((key) => [
    ...[key.id, key.fingerprint, key.label, key.added_at],
    ...[key.expires_at ?? 'never', key.used_at ?? 'never'],
  ]);
}

/** `ssh-keygen -Y sign`: the armoured signature. It asks for a passphrase on the terminal itself. */
function signText(key: string, namespace: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(
        new SluiceError('local', `ssh-keygen could not sign with ${key}: ${why}`, {
          decider: 'local',
          next: [{ command: `ssh-keygen -Y sign -n ${namespace} -f ${key}`, when: 'to see what it needs' }],
        }),
      );
    const child = spawn('ssh-keygen', ['-Y', 'sign', '-n', namespace, '-f', key], { stdio: ['pipe', 'pipe', 'pipe'] });
    let signature = '';
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (signature += piece));
    child.stderr.setEncoding('utf8').on('data', (piece: string) => (said = `${said}${piece}`.slice(0, 2000)));
    child.stdin.on('error', () => undefined);
    child.once('error', (error) => fail(messageOf(error)));
    child.once('close', (code) => (code === 0 ? resolve(signature) : fail(said.trim() || `exit ${code}`)));
    child.stdin.end(text);
  });
}
