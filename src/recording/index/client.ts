import type { Worker } from 'node:worker_threads';
import { SluiceError, type ErrorCode } from '../../lib/errors.js';
import { startWorker } from '../../lib/start-worker.js';
import {
  maxYoungGenerationSizeMb,
  type FromIndex,
  type IndexAnswers,
  type IndexNote,
  type IndexQuestion,
  type IndexThreadOptions,
  type ToIndex,
} from './messages.js';

const maxFailures = 3;
/** What the thread has read is written this long; a busy machine gives it, the last of all, no time. */
const maxCloseMs = 5_000;

interface Call {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The index thread, as the gateway's main thread talks to it. Its faults never touch a recording. */
export class IndexClient {
  readonly #options: IndexThreadOptions;
  readonly #onProblem: (message: string, cause: unknown) => void;
  readonly #calls = new Map<number, Call>();
  #worker: Worker | null = null;
  #next = 1;
  #closed = false;
  /** Threads lost since one last gave an answer. */
  #failures = 0;

  constructor(options: IndexThreadOptions, onProblem: (message: string, cause: unknown) => void) {
    this.#options = options;
    this.#onProblem = onProblem;
  }

  tell(note: IndexNote): void {
    // A thread that cannot even start is tried again with the next question, not with every note.
    if (!this.#closed && this.#failures < maxFailures) this.#send({ note });
  }

  ask<Question extends IndexQuestion>(question: Question): Promise<IndexAnswers[Question['type']]> {
    if (this.#closed) return Promise.reject(new SluiceError('unavailable', 'the recorder is closed'));
    return new Promise((resolve, reject) => {
      const call = this.#next++;
      this.#calls.set(call, { resolve: (answer) => resolve(answer as IndexAnswers[Question['type']]), reject });
      this.#send({ call, question });
      this.#worker?.ref(); // a process that waits for an answer must not end before it
    });
  }

  /** Ends the thread, where it has not written by then, in its work: the next start goes on where the index on the disk ends. */
  async close(withinMs = maxCloseMs): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const worker = this.#worker;
    if (worker === null) return;
    await new Promise<void>((resolve) => {
      const late = setTimeout(() => void worker.terminate(), withinMs);
      worker.once('exit', () => {
        clearTimeout(late);
        resolve();
      });
      worker.ref();
      worker.postMessage({ stop: true } satisfies ToIndex);
    });
  }

  #send(message: ToIndex): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(message);
  }

  #start(): Worker {
    const worker = startWorker(import.meta.url, './thread.js', {
      workerData: this.#options,
      resourceLimits: { maxYoungGenerationSizeMb },
    });
    worker.unref();
    worker.on('message', (message: FromIndex) => this.#receive(message));
    worker.on('error', (error) => this.#lost(worker, error));
    worker.on('exit', () => this.#lost(worker, null));
    return worker;
  }

  #receive(message: FromIndex): void {
    if ('problem' in message) {
      this.#onProblem(`index: ${message.problem}`, null);
      return;
    }
    const call = this.#calls.get(message.call);
    this.#calls.delete(message.call);
    if (this.#calls.size === 0) this.#worker?.unref();
    this.#failures = 0;
    if (call === undefined) return;
    if ('failed' in message) {
      call.reject(new SluiceError(message.failed.code as ErrorCode, message.failed.message, { decider: 'gateway' }));
    } else call.resolve(message.answer);
  }

  /** Whoever waits is told; the next message starts a new thread, which goes on where the index on the disk ends. */
  #lost(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#failures++;
    if (!this.#closed) this.#onProblem('the index of recordings stopped and is started again', error);
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) {
      call.reject(
        new SluiceError('unavailable', 'the index of recordings was interrupted; try again', { cause: error }),
      );
    }
    if (!this.#closed) this.tell({ type: 'catch up', live: [] });
  }
}
