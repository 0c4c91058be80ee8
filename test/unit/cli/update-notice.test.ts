import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readEnvironment } from '../../../src/cli/environment.js';
import { Output } from '../../../src/cli/output.js';
import { isNewer, noticeUpdate, rememberVersion, updateCommand, versionFile } from '../../../src/cli/update-notice.js';

let dir: string;
let said: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sluice-notice-'));
  said = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function notice(
  more: { env?: Record<string, string>; json?: boolean; quiet?: boolean; attended?: boolean; now?: number } = {},
): string[] {
  const stream = { isTTY: true, write: (text: string) => said.push(text) };
  const out = new Output({
    stdout: stream,
    stderr: stream,
    json: more.json ?? false,
    quiet: more.quiet ?? false,
    color: 'never',
    noColor: true,
    forceColor: false,
  });
  const environment = readEnvironment({ HOME: dir, SLUICE_STATE_DIR: dir, TERM: 'xterm', ...more.env });
  noticeUpdate({
    environment,
    out,
    version: '0.1.0',
    root: '/usr/lib',
    now: more.now ?? 1e12,
    attended: more.attended ?? true,
  });
  return said;
}

test('tells a person once a day that their gateway runs a newer version, and how to update', () => {
  expect(notice()).toEqual([]);
  rememberVersion(dir, '0.2.0');
  expect(notice()).toHaveLength(1);
  expect(said[0]).toBe(
    'The gateway runs sluice 0.2.0; this is 0.1.0.   To update: npm install --global --ignore-scripts sluice@0.2.0\n',
  );
  rememberVersion(dir, '0.2.0'); // seen again: the day is not over
  expect(notice({ now: 1e12 + 23 * 3_600_000 })).toHaveLength(1);
  expect(notice({ now: 1e12 + 25 * 3_600_000 })).toHaveLength(2);
});

test.each<[string, Parameters<typeof notice>[0]]>([
  ['CI', { env: { CI: 'true' } }],
  ['an agent', { env: { CLAUDECODE: '1' } }],
  ['a pipe', { attended: false }],
  ['--json', { json: true }],
  ['--quiet', { quiet: true }],
  ['who asked not to be told', { env: { NO_UPDATE_NOTIFIER: '1' } }],
  ['a dumb terminal', { env: { TERM: 'dumb' } }],
])('never bothers %s', (_name, context) => {
  rememberVersion(dir, '9.0.0');
  expect(notice(context)).toEqual([]);
});

test.each([
  ['0.2.0', true],
  ['0.10.0', true],
  ['1.0.0', true],
  ['0.1.0', false],
  ['0.0.9', false],
  ['development', false],
  ['9.9.9; rm -rf ~', false],
  ['\u001b[31m9.0.0', false],
])('takes %s for newer: %s', (version, newer) => {
  expect(isNewer(version, '0.1.0')).toBe(newer);
  rememberVersion(dir, version);
  expect(notice()).toHaveLength(newer ? 1 : 0);
});

test('a damaged file is no news, and Homebrew updates its own', () => {
  rememberVersion(dir, '0.2.0');
  expect(JSON.parse(readFileSync(versionFile(dir), 'utf8'))).toEqual({ version: '0.2.0', shown_at: null });
  expect(updateCommand('0.2.0', '/opt/homebrew/lib/node_modules/sluice/dist')).toBe('brew upgrade sluice');
});
