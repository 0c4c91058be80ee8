import { createCipheriv, createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPolicy } from '../../support/ssh-lab.js';
import { openMachine, type Machine, type Way } from '../support/machine.js';

let machine: Machine;
beforeAll(async () => {
  machine = await openMachine({ policies: openPolicy, detectors: '{ email: mask, token: mask }' });
});
afterAll(() => machine.stop());

describe('bytes that are no text', () => {
  const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  /** What comes out of ssh, past the gateway or through it. */
  const shown = async (way: Way, path: string): Promise<string> => {
    const config = way === 'direct' ? join(machine.lab.sshd.dir, 'direct_config') : machine.lab.config;
    const { stdout } = await machine.lab.run('sh', ['-c', `ssh -F ${config} web-1 'cat ${path}' | sha256sum`]);
    return stdout.split(' ')[0] ?? '';
  };

  it('come as they are, megabytes of them, and an address among them does not', async () => {
    const bytes = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16)).update(Buffer.alloc(4 << 20));
    const path = join(machine.dir, 'pub', 'noise');
    writeFileSync(path, bytes);
    expect(await shown('direct', path)).toBe(digest(bytes));
    expect(await shown('insider', path)).toBe(digest(bytes));
    const masked = Buffer.from(bytes);
    for (let at = 5_000; at < bytes.length - 100; at += 65_521) {
      bytes.write('\u00ffada@corp.example\u00fe', at, 'latin1');
      masked.write('\u00ff****************\u00fe', at, 'latin1');
    }
    writeFileSync(path, bytes);
    expect(await shown('direct', path)).toBe(digest(bytes));
    expect(await shown('insider', path)).toBe(digest(masked));
  });
});
