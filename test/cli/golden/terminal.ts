import { fileURLToPath } from 'node:url';
import { spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { terminalSize } from './run.js';

const program = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));

/** Once the screen shows this, something is typed or done by somebody else. */
export interface Step {
  readonly shows: RegExp;
  readonly type?: string;
  readonly meanwhile?: (screen: string) => Promise<void>;
}

export interface Seen {
  readonly code: number;
  /** The screen at each step, before it was answered, and at the end. */
  readonly screens: readonly string[];
  /** Everything that was written to the terminal. */
  readonly output: string;
}

/** Runs the program on a terminal with a person at it, who looks at the screen as it is drawn. */
export function runWithPerson(
  args: readonly string[],
  {
    cwd,
    env,
    steps,
  }: { readonly cwd: string; readonly env: Readonly<Record<string, string>>; readonly steps: readonly Step[] },
): Promise<Seen> {
  const terminal = new xterm.Terminal({ ...terminalSize, allowProposedApi: true });
  const pty = spawn(process.execPath, [program, ...args], {
    ...terminalSize,
    name: 'xterm-256color',
    cwd,
    env: { ...env },
  });
  const left = [...steps];
  const screens: string[] = [];
  const happening: Promise<void>[] = [];
  let output = '';
  const look = (): void => {
    const [step] = left;
    const screen = screenOf(terminal);
    if (step === undefined || !step.shows.test(screen)) return;
    left.shift();
    screens.push(screen);
    if (step.type !== undefined) pty.write(step.type);
    if (step.meanwhile !== undefined) happening.push(step.meanwhile(screen));
  };
  pty.onData((text) => {
    output += text;
    terminal.write(text, look);
  });
  return new Promise((resolve, reject) => {
    pty.onExit(({ exitCode, signal }) => {
      // What was written last is drawn before this is.
      terminal.write('', () => {
        screens.push(screenOf(terminal));
        terminal.dispose();
        const missed = left.map(({ shows }) => String(shows)).join(', ');
        const ended =
          missed === '' ? Promise.all(happening) : Promise.reject(new Error(`never shown: ${missed}\n${output}`));
        ended.then(
          () => resolve({ code: signal === undefined || signal === 0 ? exitCode : -1, screens, output }),
          reject,
        );
      });
    });
  });
}

/** What a person sees: lines without what is empty at their end and below. */
function screenOf(terminal: xterm.Terminal): string {
  const { active } = terminal.buffer;
  const lines = Array.from({ length: active.length }, (_, y) => active.getLine(y)?.translateToString(true) ?? '');
  return lines.join('\n').trimEnd();
}
