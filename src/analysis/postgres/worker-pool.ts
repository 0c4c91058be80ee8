import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { WorkerRequest, WorkerResponse } from './worker-messages.js';

/** How a job ended when the worker did not answer it. */
export type JobFailure = 'timeout' | 'fault' | 'busy' | 'closed';

/** Thrown to the asker of a job that got no answer. */
export class JobError extends Error {
  readonly failure: JobFailure;

  constructor(failure: JobFailure, message: string) {
    super(message);
    this.failure = failure;
  }
}

/** What a job asks; its id is the pool's. `prepare` is sent first when the worker lacks the catalog. */
export interface Job {
  readonly request: (id: number) => WorkerRequest;
  readonly catalog: (id: number) => WorkerRequest;
  readonly timeoutMs: number;
}

export interface PoolOptions {
  readonly size: number;
  readonly maxQueued: number;
  readonly loadTimeoutMs: number;
}

interface Waiting {
  readonly job: Job;
  readonly resolve: (response: WorkerResponse) => void;
  readonly reject: (error: JobError) => void;
}

/** A worker thread and the one job it is at. */
interface Member {
  readonly worker: Worker;
  current: { readonly id: number; readonly waiting: Waiting; timer: NodeJS.Timeout; sentCatalog: boolean } | null;
  isReady: boolean;
}

/** The id under which a catalog is sent ahead of a job; jobs count from 1. */
const catalogId = 0;

/**
 * A few worker threads that take jobs in order. A worker that faults or overruns its time is terminated and replaced:
 * a parser fault may have corrupted its memory (test/promises/README.md, A), and nothing that came of it is trusted.
 */
export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #members = new Set<Member>();
  readonly #queue: Waiting[] = [];
  #nextId = 1;
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  run(job: Job): Promise<WorkerResponse> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new JobError('closed', 'The analyser is closed.'));
      if (this.#queue.length >= this.#options.maxQueued)
        return reject(new JobError('busy', 'Too many statements wait for analysis.'));
      this.#queue.push({ job, resolve, reject });
      this.#dispatch();
    });
  }

  /** Starts a worker ahead of the first job, so that no client waits for its parser to load. */
  warm(): void {
    if (this.#members.size === 0 && !this.#isClosed) this.#spawn();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const waiting of this.#queue.splice(0)) waiting.reject(new JobError('closed', 'The analyser is closed.'));
    const members = [...this.#members];
    for (const member of members) this.#fail(member, 'closed', 'The analyser is closed.');
    await Promise.all(members.map((member) => member.worker.terminate()));
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const idle = [...this.#members].find((member) => member.current === null);
      if (idle === undefined) {
        if (this.#members.size < this.#options.size) this.#spawn();
        if (this.#members.size >= this.#options.size && ![...this.#members].some((member) => member.current === null))
          return;
        continue;
      }
      const waiting = this.#queue.shift();
      if (waiting !== undefined) this.#start(idle, waiting);
    }
  }

  /** The clock runs from when the worker is up: starting one is not the statement's fault. */
  #start(member: Member, waiting: Waiting): void {
    const id = this.#nextId++;
    const timeoutMs = waiting.job.timeoutMs + (member.isReady ? 0 : this.#options.loadTimeoutMs);
    member.current = { id, waiting, timer: this.#timer(member, timeoutMs), sentCatalog: false };
    member.worker.ref();
    member.worker.postMessage(waiting.job.request(id));
  }

  #timer(member: Member, timeoutMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#fail(member, 'timeout', 'The statement took too long to analyse.'), timeoutMs);
  }

  #spawn(): void {
    const member: Member = { worker: startWorker(), current: null, isReady: false };
    this.#members.add(member);
    member.worker.unref();
    member.worker.on('message', (response: WorkerResponse) => this.#receive(member, response));
    member.worker.on('error', (error) =>
      this.#fail(member, 'fault', error instanceof Error ? error.message : String(error)),
    );
    member.worker.on('exit', () => this.#fail(member, 'fault', 'The analysis worker ended.'));
  }

  #receive(member: Member, response: WorkerResponse): void {
    const { current } = member;
    if (response.type === 'ready') {
      member.isReady = true;
      if (current !== null) this.#restartClock(member, current.waiting.job.timeoutMs);
      return;
    }
    if (response.type === 'fault') return this.#fail(member, 'fault', response.message);
    if (current === null) return;
    // The catalog that was sent ahead of the current job has arrived.
    if (response.id === catalogId) return this.#restartClock(member, current.waiting.job.timeoutMs);
    if (response.id !== current.id) return;
    if (response.type === 'catalogNeeded') return this.#sendCatalog(member);
    clearTimeout(current.timer);
    member.current = null;
    member.worker.unref();
    current.waiting.resolve(response);
    this.#dispatch();
  }

  /** Sends the catalog that the worker lacks and the same job again. */
  #sendCatalog(member: Member): void {
    const { current } = member;
    if (current === null) return;
    if (current.sentCatalog) return this.#fail(member, 'fault', 'The analysis worker lost its catalog.');
    current.sentCatalog = true;
    this.#restartClock(member, this.#options.loadTimeoutMs);
    member.worker.postMessage(current.waiting.job.catalog(catalogId));
    member.worker.postMessage(current.waiting.job.request(current.id));
  }

  #restartClock(member: Member, timeoutMs: number): void {
    if (member.current === null) return;
    clearTimeout(member.current.timer);
    member.current.timer = this.#timer(member, timeoutMs);
  }

  /** Ends a worker; the job it was at fails, the others go to its successor. */
  #fail(member: Member, failure: JobFailure, message: string): void {
    if (!this.#members.delete(member)) return;
    const { current } = member;
    member.current = null;
    void member.worker.terminate();
    if (current !== null) {
      clearTimeout(current.timer);
      current.waiting.reject(new JobError(failure, message));
    }
    if (!this.#isClosed) this.#dispatch();
  }
}

/** Deep expressions need a deep stack: about 49 KB of `'a'||'a'||…` overflows the default one. */
const stackSizeMb = 32;

/** What a statement's analysis leaves is soon garbage; Node would let 32 MB of it gather in every worker. */
const maxYoungGenerationSizeMb = 12;

/** Starts the worker beside this file, compiled or not. It inherits no environment and no arguments. */
function startWorker(): Worker {
  const resourceLimits = { stackSizeMb, maxOldGenerationSizeMb: 1024, maxYoungGenerationSizeMb };
  const options = { execArgv: [], env: {}, resourceLimits };
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url), options);
  // From source a thread must register the loader before it can import the worker (Node 20 ignores --import here).
  const loader = new URL('index.mjs', pathToFileURL(createRequire(import.meta.url).resolve('tsx/esm/api'))).href;
  const entry = new URL('./worker.ts', import.meta.url).href;
  const code = `import(${JSON.stringify(loader)}).then(({ register }) => { register(); return import(${JSON.stringify(entry)}); })`;
  return new Worker(code, { ...options, eval: true });
}
