import { readFileSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';

/** Answers the process that started this one: how much memory it has, and what its processor does meanwhile. */
export function answerParent(): void {
  const profiler = new Session();
  process.on('message', (message) => {
    if (message === 'memory') {
      globalThis.gc?.();
      const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
      process.send?.({ rss: process.memoryUsage.rss(), peak: Number(peak ?? 0) * 1024 });
    } else if (message === 'profile') {
      profiler.connect();
      profiler.post('Profiler.enable');
      profiler.post('Profiler.setSamplingInterval', { interval: 100 });
      profiler.post('Profiler.start');
    } else if (typeof message === 'object' && message !== null && 'saveProfile' in message) {
      const file = String(message.saveProfile);
      profiler.post('Profiler.stop', (_error, { profile }) => {
        writeFileSync(file, JSON.stringify(profile));
        process.send?.('saved');
      });
    }
  });
}
