import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

it('walks the main path end to end, shows every command, and leaves nothing behind', async () => {
  const home = await mkdtemp(join(tmpdir(), 'sluice-tour-test-'));
  try {
    const env = { ...process.env, TMPDIR: home };
    const child = spawn(process.execPath, [resolve('bin/run.js'), 'quickstart', '--tour', '--port', '0'], { env });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code, output).toBe(0);
    for (const command of [
      /\$ sluice login http:\S+ --as engineer\n✓/,
      /\$ sluice connect demo-db --detach --print uri\npostgresql:/,
      /\$ sluice exec demo-db "drop table orders"\n✗ Denied by gateway policy[\s\S]*?\(exit 5\)/,
      /\$ sluice requests approve req_\w+ /,
      /\$ sluice exec demo-db "delete from orders[\s\S]*?✓ 1 row/,
      /\$ sluice sessions verify copy\.journal\n✓/,
      /\$ sluice sessions verify copy\.journal\n✗[\s\S]*?\(exit 1\)/,
    ]) {
      expect(output).toMatch(command);
    }
    expect(await readdir(home)).toEqual([]);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}, 180_000);
