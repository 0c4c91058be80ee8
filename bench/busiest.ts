import { readdirSync, readFileSync } from 'node:fs';

/** Of a process, in clock ticks. */
interface Times {
  readonly parent: number;
  readonly ticks: number;
}

const ticksPerSecond = 100;

/** Every process of the machine that can be read: `/proc/PID/stat`, fields 4 (ppid), 14 and 15 (utime, stime). */
function allTimes(): ReadonlyMap<number, Times> {
  const all = new Map<number, Times>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      // The second field is a program's name in brackets, which may hold anything.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      all.set(Number(name), { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) });
    } catch {
      continue; // it ended meanwhile
    }
  }
  return all;
}

/**
 * Processor seconds that the busiest process below this one took meanwhile: on an idle machine with cores enough it is what
 * bounds a chain of processes, and unlike the clock it does not see what else the machine does.
 */
export async function busiestDuring(work: () => Promise<unknown>): Promise<number> {
  const before = allTimes();
  await work();
  const after = allTimes();
  const isBelow = (pid: number): boolean => {
    for (let at: number | undefined = after.get(pid)?.parent; at !== undefined && at > 1; at = after.get(at)?.parent)
      if (at === process.pid) return true;
    return false;
  };
  let most = 0;
  for (const [pid, { ticks }] of after) if (isBelow(pid)) most = Math.max(most, ticks - (before.get(pid)?.ticks ?? 0));
  return most / ticksPerSecond;
}
