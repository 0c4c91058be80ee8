import { startOnPipes } from './on-pipes.js';
import { startOnTerminal } from './on-terminal.js';
import type { Running, TerminalSetup } from './running.js';
import type { Start } from './start.js';

/** Starts a program on this machine: on pipes, or on a terminal of its own. */
export async function startProgram(start: Start, terminal: TerminalSetup | null): Promise<Running> {
  return terminal === null ? startOnPipes(start) : await startOnTerminal(start, terminal);
}
