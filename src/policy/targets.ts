import type { z } from 'zod';
import type { RecordingMode } from '../recording/events.js';
import { knownKinds, servedKinds, type targetsSchema } from './bundle-schema.js';
import { suggest } from './problems.js';
import { readCommand, reportSharedAccounts, type CommandSettings } from './command-target.js';
import { readSsh, type SshSettings } from './ssh-target.js';
import type { TargetRef } from './types.js';
import type { YamlPath, YamlSource } from './yaml-source.js';

/** A target as the bundle has it, validated; the secret is still a reference. */
export interface BundleTarget extends TargetRef {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** `ca`: PEM text, or null for the system's authorities. */
  readonly tls: { readonly mode: 'disable' | 'require' | 'verify-full'; readonly ca: string | null };
  readonly username: string;
  /** Null: of kind command, and it needs none. */
  readonly secret: SecretReference | null;
  readonly recording: RecordingMode;
  /** The relay by which it is reached; null: from the gateway itself. */
  readonly relay: string | null;
  /** Of targets of kind ssh, and only of those. */
  readonly ssh?: SshSettings;
  /** Of targets of kind command, and only of those. */
  readonly command?: CommandSettings;
}

/** Where a secret is kept: the gateway's vault, its environment or a file of its own. */
export interface SecretReference {
  readonly provider: 'vault' | 'env' | 'file';
  readonly name: string;
}

const defaultPorts: Readonly<Record<string, number>> = { postgres: 5432, ssh: 22 };
type RawTarget = z.output<typeof targetsSchema>['targets'][number];

/** Reads what the schema cannot say of targets: kinds, addresses, references, names used twice. */
export function readTargets(
  raw: readonly RawTarget[],
  source: YamlSource,
  certificates: ReadonlyMap<string, string>,
): readonly BundleTarget[] {
  const seen = new Set<string>();
  const targets = raw.flatMap((target, index) => {
    const at = (key: string): YamlPath => ['targets', index, key];
    if (seen.has(target.name)) source.report('error', at('name'), `duplicate target "${target.name}"`);
    seen.add(target.name);
    checkKind(target.kind, at('kind'), source);
    const isCommand = target.kind === 'command';
    if (!isCommand) requireAddress(target, ['targets', index], source);
    const address = isCommand ? nowhere : readAddress(target.address ?? '', defaultPorts[target.kind]);
    if (address === null && target.address !== undefined)
      source.report(
        'error',
        at('address'),
        '"address" must be HOST, HOST:PORT or [IPV6]:PORT',
        'for example db.internal:5432',
      );
    const needsNone = isCommand && target.secret === undefined;
    const secret = needsNone ? null : readSecret(target.secret ?? '');
    if (secret === null && target.secret !== undefined) {
      const message = '"secret" must be a reference, never the secret itself';
      source.report(
        'error',
        at('secret'),
        message,
        `write "vault:${target.name}" and store it with: sluice secrets set ${target.name}`,
      );
    }
    const special = specialOf(target, at, source);
    const tls = target.tls ?? { mode: 'verify-full', ca: null };
    const ca = readCa(tls.ca, certificates);
    if (ca === undefined) {
      source.report(
        'error',
        [...at('tls'), 'ca'],
        '"ca" names no certificate',
        'write "file:NAME.pem" and put NAME.pem in the bundle',
      );
    }
    if (target.recording === 'off')
      source.report(
        'warning',
        at('recording'),
        `sessions on "${target.name}" will not be recorded; who may use it so needs the action "unrecorded"`,
      );
    if (tls.mode === 'require' && !isCommand)
      source.report(
        'warning',
        at('tls'),
        `"require" encrypts but does not check who "${target.name}" is`,
        'use verify-full with a CA',
      );
    if (tls.mode === 'disable' && address !== null && !(isLoopback(address.host) && target.relay === null)) {
      source.report(
        'warning',
        at('tls'),
        `traffic to "${target.name}" is not encrypted`,
        'use verify-full, the default',
      );
    }
    if (
      address === null ||
      (secret === null && !needsNone) ||
      (target.username === undefined && !isCommand) ||
      ca === undefined ||
      special === null
    )
      return [];
    const { name, kind, username = '', labels, recording, relay } = target;
    return [
      {
        name,
        kind,
        labels,
        ...address,
        ...noDatabase,
        ...special,
        tls: { mode: tls.mode, ca },
        username,
        secret,
        recording,
        relay,
      },
    ];
  });
  reportSharedAccounts(
    targets,
    (name) => ['targets', raw.findIndex((target) => target.name === name), 'command'],
    source,
  );
  return targets;
}

const noDatabase = { database: '' };
/** A command runs at the gateway. */
const nowhere = { host: '', port: 0 };

function requireAddress(target: RawTarget, place: YamlPath, source: YamlSource): void {
  for (const key of ['address', 'username', 'secret'] as const)
    if (target[key] === undefined) source.report('error', place, `"${key}" is missing`);
}

function specialOf(
  target: RawTarget,
  at: (key: string) => YamlPath,
  source: YamlSource,
): Partial<Pick<BundleTarget, 'ssh' | 'command' | 'database'>> | null {
  if (target.kind === 'command') return readCommand(target, at, source);
  if (target.command !== undefined) {
    source.report('error', at('command'), '"command" has a meaning for targets of kind command only', 'leave it out');
    return null;
  }
  return target.kind === 'ssh' ? readSsh(target, at, source) : readDatabase(target, at, source);
}

/** Reads what only database targets have; null when something is wrong, which has then been reported. */
function readDatabase(
  target: RawTarget,
  at: (key: string) => YamlPath,
  source: YamlSource,
): { readonly database: string } | null {
  for (const key of ['hostKey', 'environment', 'keepFileBytes', 'certificate'] as const) {
    if (target[key] === undefined) continue;
    source.report('error', at(key), `"${key}" has a meaning for targets of kind ssh only`, 'leave it out');
    return null;
  }
  if (target.database !== undefined) return { database: target.database };
  source.report('error', at('kind'), '"database" is missing');
  return null;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function checkKind(kind: string, path: YamlPath, source: YamlSource): void {
  if (servedKinds.includes(kind)) return;
  if (knownKinds.some((known) => known === kind)) {
    source.report('error', path, `kind "${kind}" is not served by this version`, `served: ${servedKinds.join(', ')}`);
  } else source.report('error', path, `unknown kind "${kind}"`, suggest(kind, servedKinds));
}

/** HOST, HOST:PORT, [IPV6] or [IPV6]:PORT (RFC 3986, 3.2.2). */
export function readAddress(
  address: string,
  defaultPort = 5432,
): { readonly host: string; readonly port: number } | null {
  const match =
    /^(?:\[(?<six>[0-9A-Fa-f:.]+)\]|(?<host>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?))(?::(?<port>\d{1,5}))?$/.exec(
      address,
    );
  const host = match?.groups?.['six'] ?? match?.groups?.['host'];
  const port = Number(match?.groups?.['port'] ?? defaultPort);
  return host === undefined || port < 1 || port > 65_535 ? null : { host, port };
}

/** vault:NAME, env:NAME or file:PATH; anything else may be the secret itself and is never repeated. */
export function readSecret(reference: string): SecretReference | null {
  const vault = /^vault:([A-Za-z0-9][A-Za-z0-9_.-]{0,62})$/.exec(reference)?.[1];
  if (vault !== undefined) return { provider: 'vault', name: vault };
  const env = /^env:([A-Za-z_][A-Za-z0-9_]{0,99})$/.exec(reference)?.[1];
  if (env !== undefined) return { provider: 'env', name: env };
  const file = /^file:(\/[^\0]{1,4000})$/.exec(reference)?.[1];
  return file === undefined ? null : { provider: 'file', name: file };
}

function readCa(ca: string | null, certificates: ReadonlyMap<string, string>): string | null | undefined {
  if (ca === null) return null;
  if (ca.includes('-----BEGIN CERTIFICATE-----')) return ca.includes('PRIVATE KEY') ? undefined : ca;
  const path = /^file:(.+)$/.exec(ca)?.[1];
  return path === undefined ? undefined : certificates.get(path);
}
