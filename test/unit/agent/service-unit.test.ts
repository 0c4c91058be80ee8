import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { launchdAgent, systemdUnit } from '../../../src/agent/service-unit.js';

const command = {
  program: process.execPath,
  arguments: ['/opt/a "b" 100%/$HOME/run.js', 'daemon', 'run', '--keep'],
  variables: { SLUICE_CONFIG_DIR: '/home/ann/my config' },
};

test('a systemd unit of the user starts the agent to stay, with every word as it is', () => {
  const unit = systemdUnit('/home/ann', null, command);
  expect(unit.file).toBe('/home/ann/.config/systemd/user/sluice-agent.service');
  expect(unit.text).toContain(
    `ExecStart="${process.execPath}" "/opt/a \\"b\\" 100%%/$$HOME/run.js" "daemon" "run" "--keep"\n`,
  );
  expect(unit.text).toContain('Environment="SLUICE_CONFIG_DIR=/home/ann/my config"\n');
  expect(unit.enable.at(-1)).toEqual(['systemctl', '--user', 'enable', '--now', 'sluice-agent.service']);
  expect(systemdUnit('/home/ann', '/cfg', command).file).toBe('/cfg/systemd/user/sluice-agent.service');
});

const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;
test.skipIf(!hasAnalyze)('systemd itself finds nothing wrong with the unit', () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-unit-'));
  try {
    const unit = systemdUnit(dir, null, { ...command, arguments: ['daemon', 'run', '--keep'] });
    const file = join(dir, basename(unit.file));
    const verify = (text: string): ReturnType<typeof spawnSync> => {
      writeFileSync(file, text);
      return spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    };
    const { stdout, stderr, status } = verify(unit.text);
    expect([`${String(stdout)}${String(stderr)}`.includes(basename(file)), status]).toEqual([false, 0]);
    expect(String(verify(unit.text.replace('Type=exec', 'Type=nonsense')).stderr)).toContain(basename(file));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test('a launchd agent is well-formed and starts at login, again after a crash only', () => {
  const unit = launchdAgent('/Users/ann', 501, { ...command, variables: { A: '<&>' } });
  expect(unit.file).toBe('/Users/ann/Library/LaunchAgents/dev.sluice.agent.plist');
  expect(unit.text).toContain('<string>&lt;&amp;&gt;</string>');
  expect(unit.text).toMatch(/<key>RunAtLoad<\/key>\s*<true\/>/);
  expect(unit.text).toMatch(/<key>SuccessfulExit<\/key>\s*<false\/>/);
  expect(unit.enable).toEqual([['launchctl', 'bootstrap', 'gui/501', unit.file]]);
  const bare = launchdAgent('/Users/ann', 501, { ...command, variables: {} }).text;
  expect(bare).not.toContain('EnvironmentVariables');
  for (const text of [unit.text, bare]) {
    // Python reads property lists as macOS does: the structure, not the look.
    const script = 'import plistlib,sys,json; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))';
    const read = spawnSync('python3', ['-c', script], { input: text, encoding: 'utf8' });
    expect(JSON.parse(read.stdout)).toMatchObject({
      Label: 'dev.sluice.agent',
      ProgramArguments: [command.program, ...command.arguments],
      KeepAlive: { SuccessfulExit: false },
    });
  }
});
