import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

/** The player's own worker script expects a browser's worker around it: these few names are all it uses of one. */
const surroundings = `
  const { parentPort, workerData } = require('node:worker_threads');
  globalThis.onmessage = null;
  globalThis.postMessage = (message) => parentPort.postMessage(message);
  require('node:vm').runInThisContext(workerData);
  parentPort.on('message', (data) => globalThis.onmessage({ data }));
`;

interface Message {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
  readonly params?: { readonly name: string; readonly event: unknown };
}

/** The core of asciinema's player (parser, timing, markers, seeking), as it runs behind its screen. */
export class AsciinemaPlayer {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #events: { readonly name: string; readonly event: unknown }[] = [];
  #calls = 0;

  private constructor(script: string) {
    this.#worker = new Worker(surroundings, { eval: true, workerData: script });
    this.#worker.on('message', (message: Message) => {
      if (message.id !== undefined) this.#waiting.get(message.id)?.(message);
      else if (message.params !== undefined) this.#events.push(message.params);
    });
  }

  /** Loads a recording; throws what the player says of one that it cannot play. */
  static async open(recording: string): Promise<AsciinemaPlayer> {
    const file = createRequire(import.meta.url).resolve('asciinema-player/dist/bundle/asciinema-player-worker.min.js');
    const player = new AsciinemaPlayer(await readFile(file, 'utf8'));
    await player.#call('new', [{ driver: 'recording', data: recording }, {}]);
    for (const name of ['metadata', 'output', 'reset', 'error']) await player.#call('addEventListener', [name]);
    await player.#call('terminalReady');
    await player.#call('init');
    await player.seek(0);
    return player;
  }

  /** What is on its way to the screen from the start up to a moment: seconds, or '100%'. */
  async seek(to: number | string): Promise<string> {
    await this.#call('seek', '0%');
    this.#forgetOutput();
    await this.#call('seek', to);
    return this.#all('output').flat().join('');
  }

  get metadata(): unknown {
    return this.#all('metadata')[0];
  }

  get size(): unknown {
    return (this.#all('reset')[0] as { readonly size: unknown } | undefined)?.size;
  }

  get errors(): readonly unknown[] {
    return this.#all('error');
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #all(name: string): unknown[] {
    return this.#events.filter((each) => each.name === name).map(({ event }) => event);
  }

  #forgetOutput(): void {
    for (let index = this.#events.length - 1; index >= 0; index--) {
      if (this.#events[index]?.name === 'output') this.#events.splice(index, 1);
    }
  }

  async #call(method: string, params?: unknown): Promise<unknown> {
    const id = ++this.#calls;
    const answered = new Promise<Message>((resolve) => this.#waiting.set(id, resolve));
    this.#worker.postMessage({ id, method, params });
    const { result, error } = await answered;
    this.#waiting.delete(id);
    if (error !== undefined) throw new Error(error.message);
    return result;
  }
}
