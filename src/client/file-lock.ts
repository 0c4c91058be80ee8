import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, SluiceError } from '../lib/errors.js';
import { systemCode } from '../lib/private-files.js';

const retryMs = 25;
/** Longer than anything done under a lock; an older lock's holder is stuck or its pid was reused. */
const staleMs = 60_000;

/** Runs `work` while no other process on this machine runs under the same lock file. */
export async function withFileLock<T>(file: string, waitMs: number, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + waitMs;
  while (!take(file)) {
    if (isStale(file)) rmSync(file, { force: true });
    else if (performance.now() > deadline) {
      throw new SluiceError('local', `Another sluice process holds ${file}`, { decider: 'local', retryable: true });
    } else await delay(retryMs);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function take(file: string): boolean {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const handle = openSync(file, 'wx', 0o600);
    writeSync(handle, String(process.pid));
    closeSync(handle);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw new SluiceError('local', `Cannot lock ${file}: ${messageOf(error)}`, { decider: 'local', cause: error });
  }
}

/** A lock whose holder is gone, or that is too old to be believed. */
function isStale(file: string): boolean {
  try {
    const age = Date.now() - statSync(file).mtimeMs;
    const pid = Number(readFileSync(file, 'utf8'));
    if (age > staleMs) return true;
    if (!Number.isInteger(pid) || pid <= 0) return age > 1000; // taken, its holder not yet written
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return systemCode(error) === 'ESRCH';
  }
}
