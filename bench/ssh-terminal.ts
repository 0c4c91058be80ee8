import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

const patienceMs = 20_000;

/** OpenSSH with a terminal at the far end, at the prompt of a login shell. */
export class BenchTerminal {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  #shown = '';
  #wake: () => void = () => undefined;
  /** Whether a key stands at the prompt that the next one takes back. */
  #isTyped = false;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
    child.stdin.on('error', () => undefined);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#shown += text;
      this.#wake();
    });
  }

  static async atShell(config: string, host: string): Promise<BenchTerminal> {
    const env = { ...process.env, TERM: 'xterm-256color' };
    // script gives ssh a terminal of its own, with a size.
    const line = `stty cols 80 rows 24; exec ssh -F '${config}' -o ControlPath=none -tt ${host}`;
    const child = spawn('script', ['-qec', line, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    const terminal = new BenchTerminal(child);
    await terminal.#until(() => /[#$%>] $/.test(terminal.#shown));
    await terminal.#send(`exec env PS1='rea''dy> ' HISTFILE= bash --norc --noprofile\r`, 'ready> ');
    return terminal;
  }

  /** Milliseconds from a key to what the shell shows for it. */
  async key(): Promise<number> {
    this.#isTyped = !this.#isTyped;
    const started = process.hrtime.bigint();
    await (this.#isTyped ? this.#send('x', 'x') : this.#send('\x7f', '\b'));
    return Number(process.hrtime.bigint() - started) / 1e6;
  }

  async leave(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const closed = once(this.#child, 'close');
    // The terminal goes away, and ssh with it.
    this.#child.kill('SIGKILL');
    await closed;
  }

  async #send(text: string, shown: string): Promise<void> {
    this.#shown = '';
    this.#child.stdin.write(text);
    await this.#until(() => this.#shown.includes(shown));
  }

  async #until(isShown: () => boolean): Promise<void> {
    const late = AbortSignal.timeout(patienceMs);
    while (!isShown()) {
      if (late.aborted || this.#child.exitCode !== null)
        throw new Error(`not what was waited for: ${JSON.stringify(this.#shown.slice(-500))}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        late.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }
}
