/** Works through everything that a gateway writes and kills itself, for good, at the nth point at which it writes. */
import { writeSync } from 'node:fs';
import { watchWrites } from './write-points.js';

const [, , stateDir = '', nth = ''] = process.argv;
const say = writeSync;
let left = Number(nth);
await watchWrites(() => {
  if (--left === 0) process.kill(process.pid, 'SIGKILL');
});
const { workThrough } = await import('./write-points-work.js');
await workThrough(stateDir, (confirmed) => void say(1, `${JSON.stringify(confirmed)}\n`));
