import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** For programs on a machine that may be busy. */
const patienceMs = 90_000;

/** One person's terminal: a shell in tmux, typed into and looked at as they would. */
export class Terminal {
  readonly #server: string;

  private constructor(server: string) {
    this.#server = server;
  }

  static async open(
    name: string,
    env: Readonly<Record<string, string>>,
    { columns, rows } = { columns: 150, rows: 45 },
  ): Promise<Terminal> {
    const server = `sluice-test-${process.pid}-${name}`;
    const shell = ['env', '-i', ...Object.entries(env).map(([key, value]) => `${key}=${value}`), 'sh'];
    const size = ['-x', String(columns), '-y', String(rows)];
    await run('tmux', ['-L', server, '-f', '/dev/null', 'new-session', '-d', ...size, ...shell]);
    // All of the window is the shell's.
    await run('tmux', ['-L', server, 'set', '-g', 'status', 'off']);
    return new Terminal(server);
  }

  /** Types a line and presses Enter. */
  async type(line: string): Promise<void> {
    // To tmux a last semicolon would be the end of its own command.
    await run('tmux', ['-L', this.#server, 'send-keys', '-l', line.replace(/;$/, '\\;')]);
    await this.press('Enter');
  }

  /** Sends keys as they are. */
  async keys(text: string): Promise<void> {
    const hex = [...Buffer.from(text)].map((byte) => byte.toString(16));
    await run('tmux', ['-L', this.#server, 'send-keys', '-H', ...hex]);
  }

  /** The screen row by row with its colours, and where the cursor is or that it is hidden: as this terminal drew it. */
  async drawn(): Promise<{ readonly rows: readonly string[]; readonly cursor: string }> {
    const { stdout } = await run('tmux', ['-L', this.#server, 'capture-pane', '-p', '-e']);
    const cursor = await run('tmux', [
      ...['-L', this.#server, 'display-message', '-p'],
      '#{?cursor_flag,#{cursor_x} #{cursor_y},hidden}',
    ]);
    return { rows: stdout.split('\n'), cursor: cursor.stdout.trim() };
  }

  async resize({ columns, rows }: { readonly columns: number; readonly rows: number }): Promise<void> {
    await run('tmux', ['-L', this.#server, 'resize-window', '-x', String(columns), '-y', String(rows)]);
  }

  async press(key: 'Enter' | 'C-c' | 'C-d' | 'q'): Promise<void> {
    await run('tmux', ['-L', this.#server, 'send-keys', key]);
  }

  /** What stands on the screen, long lines joined. */
  async screen(): Promise<string> {
    const { stdout } = await run('tmux', ['-L', this.#server, 'capture-pane', '-p', '-J']);
    return stdout;
  }

  /** Resolves with the match once the screen shows it. */
  async shows(wanted: RegExp): Promise<RegExpExecArray> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const screen = await this.screen();
      const found = wanted.exec(screen);
      if (found !== null) return found;
      if (performance.now() > deadline) throw new Error(`the terminal does not show ${String(wanted)}:\n${screen}`);
      await pause(100);
    }
  }

  async close(): Promise<void> {
    await run('tmux', ['-L', this.#server, 'kill-server']).catch(() => undefined);
  }
}
