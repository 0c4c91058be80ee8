import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseObject } from '../../client/error-document.js';
import type { Profile } from '../../client/profiles.js';
import { readIfPresent, writePrivate } from '../../lib/private-files.js';
import type { Candidate, KnownNames } from './complete.js';

/** One profile's names as they were a moment ago: no statement, no reason, nothing but what stands in the lists. */
export interface Remembered {
  readonly targets: readonly { readonly name: string; readonly kind: string; readonly labels: readonly string[] }[];
  readonly requests: readonly { readonly id: string; readonly about: string; readonly open: boolean }[];
  readonly sessions: readonly { readonly id: string; readonly about: string; readonly open: boolean }[];
}

/** Names older than this are asked for again, in the background; nobody waits for the answer. */
const staleMs = 30_000;
/** Nor is it asked twice while an answer may be on its way. */
const askedMs = 10_000;
const longestFileName = 200;
/**
 * What a shell may put on a command line. A name with any other character is not offered: whoever runs a gateway must not
 * be able to have `$(…)` completed into somebody's terminal.
 */
const harmless = /^[A-Za-z0-9][A-Za-z0-9._@/=:+-]{0,200}$/;

/** Where completion keeps names; that the folder exists says that completion is used here. */
export function namesDir(stateDir: string): string {
  return join(stateDir, 'completion');
}

/** The file of one login at one gateway: another gateway under the same name has another one. Null: too long a name. */
export function namesFile(stateDir: string, { name, gateway }: Profile): string | null {
  const file = `${name}~${encodeURIComponent(gateway)}.json`;
  return file.length > longestFileName ? null : join(namesDir(stateDir), file);
}

export function rememberNames(file: string, names: Remembered): void {
  writePrivate(file, JSON.stringify({ version: 1, ...names }));
}

/** Forgets a profile's names, at whatever gateway; with null everybody's. */
export function forgetNames(stateDir: string, profile: string | null): void {
  const dir = namesDir(stateDir);
  let files: readonly string[] = [];
  try {
    files = readdirSync(dir);
  } catch {
    return; // completion is not used here
  }
  for (const file of files)
    if (profile === null || file.startsWith(`${profile}~`)) rmSync(join(dir, file), { force: true });
}

export function readNames(file: string | null, profiles: readonly Profile[]): KnownNames {
  const value = file === null ? null : parseObject(readIfPresent(file) ?? '');
  const list = (name: string): readonly Readonly<Record<string, unknown>>[] => {
    const items = value?.['version'] === 1 ? value[name] : null;
    return Array.isArray(items) ? items.filter((item): item is Record<string, unknown> => isObject(item)) : [];
  };
  const withState = (name: string) =>
    list(name).flatMap(({ id, about, open }) => offered(id, about).map((item) => ({ ...item, open: open === true })));
  const targets = list('targets');
  const labels = targets.flatMap(({ labels: own }): readonly unknown[] => (Array.isArray(own) ? own : []));
  return {
    targets: targets.flatMap(({ name, kind }) => offered(name, kind)),
    labels: [...new Set(labels)].flatMap((label) => offered(label, '')),
    requests: withState('requests'),
    sessions: withState('sessions'),
    profiles: profiles.flatMap(({ name, gateway }) => offered(name, gateway)),
  };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function offered(value: unknown, about: unknown): readonly Candidate[] {
  if (typeof value !== 'string' || !harmless.test(value)) return [];
  return [{ value, about: typeof about === 'string' ? about : '' }];
}

/** Whether the names should be asked for now; says so once, to whoever comes first. */
export function mayRefresh(file: string | null, now: number): boolean {
  if (file === null) return false;
  const asked = `${file}.asked`;
  if (age(file, now) < staleMs || age(asked, now) < askedMs) return false;
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
  writeFileSync(asked, '', { mode: 0o600 });
  return true;
}

function age(file: string, now: number): number {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? Infinity : Math.abs(now - found.mtimeMs); // a clock set back must not stop it for ever
}
