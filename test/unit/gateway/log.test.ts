import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createLog } from '../../../src/gateway/log.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sluice-log-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

it.skipIf(!existsSync('/dev/full'))(
  'ends nobody’s session where it cannot be written, and keeps little of what waits',
  () => {
    const log = createLog({ level: 'info', file: '/dev/full' });
    const before = process.memoryUsage().heapUsed;
    for (let line = 0; line < 100_000; line++) log.info({ text: 'x'.repeat(1_000) }, 'said');
    log.error(new Error('why'), 'failed');
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(60_000_000);
  },
);

it('writes a line for each thing that is said, and no secrets', () => {
  const file = join(dir, 'new', 'log');
  createLog({ level: 'info', file }).info({ password: 'hunter2', authorization: 'Bearer x' }, 'said');
  const [line = '', ...more] = readFileSync(file, 'utf8').trimEnd().split('\n');
  expect(more).toEqual([]);
  expect(JSON.parse(line)).toMatchObject({ msg: 'said', password: '[redacted]', authorization: '[redacted]' });
});
