import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import type { SshLab } from './ssh-lab.js';

const run = promisify(execFile);

/** A person at a terminal of their own, with OpenSSH in it. */
export class Typist {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #shown = '';
  #from = 0;
  #wake: () => void = () => undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, 'close');
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#shown += text;
      this.#wake();
    });
    child.stdin?.on('error', () => undefined);
  }

  /** Opens a shell whose prompt is `ready> `. */
  static async atShell(lab: SshLab, size = { columns: 80, rows: 24 }): Promise<Typist> {
    const typist = Typist.start(lab, '', size);
    await typist.until(/[#$%>] $/);
    await typist.enter(`exec env PS1='ready> ' HISTFILE= bash --norc --noprofile`, 'hready> ');
    return typist;
  }

  static start(lab: Pick<SshLab, 'config'>, command: string, { columns, rows } = { columns: 80, rows: 24 }): Typist {
    const line = `stty cols ${columns} rows ${rows}; exec ssh -F ${lab.config} -tt web-1 ${command}`;
    const env = { ...process.env, TERM: 'xterm-256color' };
    const stdio = ['pipe', 'pipe', 'ignore'] as const;
    return new Typist(spawn('script', ['-qec', line, '/dev/null'], { env, stdio: [...stdio] }));
  }

  /** All that the terminal has shown. */
  get shown(): string {
    return this.#shown;
  }

  type(text: string | Buffer): void {
    this.#child.stdin?.write(text);
  }

  /** Changes the size of the window. */
  async resize({ columns, rows }: { readonly columns: number; readonly rows: number }): Promise<void> {
    const { stdout } = await run('ps', ['-o', 'tty=', '--ppid', String(this.#child.pid)]);
    await run('stty', ['-F', `/dev/${stdout.trim()}`, 'cols', String(columns), 'rows', String(rows)]);
  }

  /** Types a line key by key as far as the echo tells, then Enter, and waits for what must follow. */
  async enter(line: string, then: string | RegExp): Promise<string> {
    this.type(line);
    this.type('\r');
    return this.until(then);
  }

  /** Waits until this has been shown behind what was waited for before; gives what came up to there. */
  async until(what: string | RegExp): Promise<string> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const rest = this.#shown.slice(this.#from);
      const found = typeof what === 'string' ? rest.indexOf(what) : (what.exec(rest)?.index ?? -1);
      if (found >= 0) {
        const length = typeof what === 'string' ? what.length : (what.exec(rest)?.[0].length ?? 0);
        this.#from += found + length;
        return rest.slice(0, found + length);
      }
      if (Date.now() > deadline) throw new Error(`not shown: ${String(what)}; shown: ${JSON.stringify(rest)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 200).unref();
      });
    }
  }

  async leave(): Promise<void> {
    // The terminal goes away, and ssh with it.
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
