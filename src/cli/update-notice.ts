import { join } from 'node:path';
import { parseObject } from '../client/error-document.js';
import { readIfPresent, writePrivate } from '../lib/private-files.js';
import type { Environment } from './environment.js';
import type { Output } from './output.js';

const quietMs = 24 * 60 * 60_000;

/** Where a gateway's version is kept from the last answer that named it. Nothing is ever asked for this. */
export function versionFile(stateDir: string): string {
  return join(stateDir, 'gateway-version.json');
}

/** Keeps the version that a gateway named in an answer to something else. */
export function rememberVersion(stateDir: string, version: string): void {
  const file = versionFile(stateDir);
  if (!isVersion(version) || parseObject(readIfPresent(file) ?? '')?.['version'] === version) return;
  writePrivate(file, `${JSON.stringify({ version, shown_at: null })}\n`);
}

export interface NoticeContext {
  readonly environment: Environment;
  readonly out: Output;
  /** Of this program. */
  readonly version: string;
  /** Where this program is installed. */
  readonly root: string;
  readonly now: number;
  /** stdout and stderr are both a person's terminal, and the command did what it should. */
  readonly attended: boolean;
}

/** A word about a newer version: to people only, after their command, once a day, and never to scripts, CI or agents. */
export function noticeUpdate({ environment, out, version, root, now, attended }: NoticeContext): void {
  const { unattended, variables, stateDir } = environment;
  if (!attended || unattended || out.json || out.quiet) return;
  if (variables['NO_UPDATE_NOTIFIER'] || variables['SLUICE_NO_UPDATE_NOTICE']) return;
  const file = versionFile(stateDir);
  const known = parseObject(readIfPresent(file) ?? '');
  const newest = known?.['version'];
  const shownAt = known?.['shown_at'];
  if (typeof newest !== 'string' || !isNewer(newest, version)) return;
  if (typeof shownAt === 'number' && now - shownAt < quietMs) return;
  writePrivate(file, `${JSON.stringify({ version: newest, shown_at: now })}\n`);
  out.note(`The gateway runs sluice ${newest}; this is ${version}.   To update: ${updateCommand(newest, root)}`);
}

/** How the program that runs was installed decides how it is updated. */
export function updateCommand(version: string, root: string): string {
  return /\/(Cellar|homebrew|linuxbrew)\//.test(root)
    ? 'brew upgrade sluice'
    : `npm install --global --ignore-scripts sluice@${version}`;
}

/** Major, minor and patch; what has more in it is no release. */
function isVersion(text: string): boolean {
  return /^\d{1,6}\.\d{1,6}\.\d{1,6}$/.test(text);
}

export function isNewer(candidate: string, than: string): boolean {
  if (!isVersion(candidate)) return false;
  const parts = (text: string): readonly number[] => text.split(/[.-]/).slice(0, 3).map(Number);
  const [left, right] = [parts(candidate), parts(than)];
  for (const [index, value] of left.entries()) {
    const other = right[index] ?? 0;
    if (value !== other) return value > other;
  }
  return false;
}
