import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { targetsSchema } from './bundle-schema.js';
import type { YamlPath, YamlSource } from './yaml-source.js';

/** What a target of kind ssh has beside address, user name and secret. */
export interface SshSettings {
  /** SHA-256 fingerprints ("SHA256:…", as ssh-keygen -l prints them) of the host keys that may answer; never empty. */
  readonly hostKeys: readonly string[];
  /** Names of variables that a client may set, each a name or a pattern with * at its end. */
  readonly environment: readonly string[];
  /** How much of each file that is moved over SFTP the recording keeps. */
  readonly keepFileBytes: number;
  /** The secret is an authority's private key, and each session logs in with a certificate of its own; null: it is not. */
  readonly certificate: { readonly principals: readonly string[]; readonly validMinutes: number } | null;
}

type RawTarget = z.output<typeof targetsSchema>['targets'][number];

const defaultEnvironment: readonly string[] = ['LANG', 'LC_*', 'COLORTERM', 'NO_COLOR'];

/** Reads what only ssh targets have; null when something is wrong, which has then been reported. */
export function readSsh(
  target: RawTarget,
  at: (key: string) => YamlPath,
  source: YamlSource,
): { readonly ssh: SshSettings } | null {
  for (const key of ['database', 'tls'] as const) {
    if (target[key] !== undefined) {
      source.report('error', at(key), `"${key}" has no meaning for a target of kind ssh`, 'leave it out');
      return null;
    }
  }
  if (target.hostKey === undefined) {
    const hint = 'copy it from the machine: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub';
    source.report('error', at('kind'), '"hostKey" is missing: an ssh target is known by its host key', hint);
    return null;
  }
  const lines = [target.hostKey].flat();
  if (lines.some(isCertificate)) {
    const hint = 'pin the key itself: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub';
    source.report('error', at('hostKey'), '"hostKey" is a certificate or its authority: machines show keys here', hint);
    return null;
  }
  const hostKeys = lines.map(readHostKey);
  if (!hostKeys.every((key) => key !== null)) {
    const hint = 'write "SHA256:…" or a public key such as "ssh-ed25519 AAAA…"';
    source.report('error', at('hostKey'), '"hostKey" is neither a fingerprint nor a public key', hint);
    return null;
  }
  const { certificate, environment, keepFileBytes = 0, username = '' } = target;
  return {
    ssh: {
      ...{ hostKeys, environment: environment ?? defaultEnvironment, keepFileBytes },
      certificate:
        certificate === undefined
          ? null
          : { principals: certificate.principals ?? [username], validMinutes: certificate.validMinutes },
    },
  };
}

/** A host certificate, or a line of known_hosts for its authority. Neither is asked for: a machine is known by its key. */
function isCertificate(text: string): boolean {
  return /^(?:@cert-authority\s|[a-z0-9@.-]{1,64}-cert-v\d\d@openssh\.com\s)/.test(text.trim());
}

/** A fingerprint as it is, or that of a public key line: `type base64 [comment]` (RFC 4253 6.6). */
export function readHostKey(text: string): string | null {
  const print = /^SHA256:([A-Za-z0-9+/]{43})=?$/.exec(text.trim())?.[1];
  if (print !== undefined) return `SHA256:${print}`;
  const line = /^([a-z0-9@.-]{1,64})\s+([A-Za-z0-9+/]{32,8000}={0,2})(?:\s|$)/.exec(text.trim());
  if (line?.[1] === undefined || line[2] === undefined) return null;
  const blob = Buffer.from(line[2], 'base64');
  const length = blob.length < 4 ? 0 : blob.readUInt32BE(0);
  return blob.toString('latin1', 4, 4 + length) === line[1] ? fingerprintOf(blob) : null;
}

/** The fingerprint of a public key as it goes over the wire. */
export function fingerprintOf(blob: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}
