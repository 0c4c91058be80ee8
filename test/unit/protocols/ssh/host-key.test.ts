import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { newHostKey, readHostKey } from '../../../../src/protocols/ssh/host-key.js';

describe('the gateway’s host key', () => {
  it('can be read, whichever is made', () => {
    for (let made = 0; made < 2000; made++) expect(() => readHostKey(newHostKey())).not.toThrow();
  });

  it('is what OpenSSH reads in it', () => {
    const dir = mkdtempSync(join(tmpdir(), 'sluice-host-key-'));
    try {
      const key = readHostKey(newHostKey());
      const file = join(dir, 'key');
      writeFileSync(file, key.privateKey);
      chmodSync(file, 0o600);
      const publicKey = execFileSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' });
      expect(publicKey.split(' ').slice(0, 2).join(' ').trim()).toBe(key.publicKey);
      expect(execFileSync('ssh-keygen', ['-l', '-f', file], { encoding: 'utf8' })).toContain(key.fingerprint);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('is refused when it is something else', () => {
    expect(() => readHostKey('no key')).toThrow(TypeError);
    expect(() => readHostKey(readHostKey(newHostKey()).publicKey)).toThrow(TypeError);
  });
});
