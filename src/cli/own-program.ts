import { resolve } from 'node:path';
import type { OwnProgram } from './ssh-config.js';

/** The node and the script that run now. */
export function ownProgram(): OwnProgram {
  return { node: process.execPath, flags: process.execArgv, script: resolve(process.argv[1] ?? 'sluice') };
}
