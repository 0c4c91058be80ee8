import { spawn } from 'node:child_process';
import { messageOf } from '../lib/errors.js';

const limitMs = 20_000;

/** Runs a program of the system's to its end. Null when it did what it should; else what it said. */
export function runProgram(words: readonly string[]): Promise<string | null> {
  const [program = '', ...args] = words;
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: limitMs });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = `${said}${text}`.slice(0, 2000)));
    child.once('error', (error) => resolve(messageOf(error)));
    child.once('close', (code, signal) =>
      resolve(code === 0 ? null : said.trim() || `it ended with ${signal ?? `exit code ${code}`}`),
    );
  });
}
