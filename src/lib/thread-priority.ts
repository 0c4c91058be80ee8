import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';

/**
 * Lets every other thread of the machine go before the calling one, where the system has priorities a thread (Linux: nice
 * values are per thread, and /proc names the caller's). Elsewhere nothing changes.
 */
export function yieldToOthers(niceness: number): boolean {
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    if (!Number.isInteger(thread) || thread <= 0) return false;
    setPriority(thread, niceness);
    return true;
  } catch {
    return false; // no /proc, or not allowed: the thread competes as before
  }
}
