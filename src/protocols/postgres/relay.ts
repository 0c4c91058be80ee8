import { Socket } from 'node:net';
import { isSluiceError, messageOf, SluiceError } from '../../lib/errors.js';
import { takeChunks } from '../../lib/incoming.js';
import type { Slab } from '../../lib/slabs.js';
import { TurnWriter } from '../../lib/turn-writer.js';
import type { EndEvent } from '../../recording/events.js';
import { endedWhileHeld } from '../../sessions/words.js';
import type { Conversation } from './conversation.js';
import { sendCancel } from './dial.js';
import { encodeFields, gatewayError } from './errors.js';
import { closeSoon } from './frontend.js';
import { FrameReader } from './frames.js';
import { ClientRequests } from './requests.js';
import type { WaitingStatement } from './relay-hooks.js';
import { ServerResponses } from './responses.js';

const mebibyte = 1024 * 1024;
const maxQueuedBytes = 8 * mebibyte; // what a client may send ahead while its statement waits
const lingerMs = 2_000;
const targetLingerMs = 10_000; // a statement being cancelled ends before its connection does

/** Largest message a client may send: values can be large, control messages cannot. */
function clientLimit(type: number): number {
  switch (String.fromCharCode(type)) {
    case 'Q':
    case 'P':
    case 'B':
    case 'd':
      return 64 * mebibyte;
    default:
      return 64 * 1024;
  }
}

/** Both sockets of one session, and the order of things: judged, recorded, then moved on. */
export class Relay {
  readonly #talk: Conversation;
  readonly #requests: ClientRequests;
  readonly #responses: ServerResponses;
  readonly #toClient: TurnWriter;
  readonly #fromClient = new FrameReader(clientLimit);
  readonly #ended = new AbortController();
  /** As `#ended.signal.aborted`, which every message would ask for. */
  #isOver = false;
  readonly #finished: Promise<void>;
  #finish: () => void = () => undefined;
  #busy = false;
  #clientGone = false;
  #idleWaiters: (() => void)[] = [];
  #waiting: WaitingStatement | null = null;
  /** What is judged now was cancelled meanwhile. */
  #isCancelled = false;
  #cancelling: Promise<void> | null = null;
  #delivering: Promise<void> | null = null;

  constructor(talk: Conversation) {
    this.#talk = talk;
    this.#finished = new Promise((resolve) => (this.#finish = resolve));
    this.#responses = new ServerResponses(talk);
    this.#toClient = new TurnWriter(talk.incoming.stream);
    this.#requests = new ClientRequests(talk, {
      release: () => this.#release(),
      deliver: () => this.#deliver(),
      idle: () => this.#untilIdle(),
      signal: this.#ended.signal,
      onHold: (waiting) => this.#wait(waiting),
    });
  }

  /** Runs until either side ends. Resolves when the journal is closed and both sockets are. */
  async run(): Promise<void> {
    const { stream } = this.#talk.incoming;
    const { socket } = this.#talk.backend.dialled;
    takeChunks(stream, (chunk) => this.#onClientData(chunk));
    stream.on('end', () => this.end('client closed', ''));
    stream.on('close', () => this.end('client closed', ''));
    stream.on('error', () => this.end('client closed', 'connection lost'));
    takeChunks(socket, (chunk, borrowed) => this.#onServerData(chunk, borrowed));
    socket.on('end', () => this.#targetGone());
    socket.on('close', () => this.#targetGone());
    socket.on('error', () => this.#targetGone());
    socket.resume();
    stream.resume();
    await this.#finished;
  }

  /** Ends the session; an `error` is told to the client as FATAL in its own protocol. Idempotent. */
  end(reason: EndEvent['reason'], detail: string, error: SluiceError | null = null): void {
    if (this.#isOver) return;
    this.#clientGone = reason === 'client closed';
    this.#isOver = true;
    this.#ended.abort(error ?? new SluiceError('interrupted', reason));
    const waiting = this.#waiting;
    void this.#shutDown(reason, detail, error && waiting ? endedWhileHeld(error, waiting.request) : error);
  }

  /**
   * A CancelRequest for this session: asks the target to cancel, or ends a wait for approval here. Resolves once it can hit
   * nothing that is sent later: clients wait for that before they go on (PostgreSQL 55.2.9).
   */
  cancel(): Promise<void> {
    const { tracker, view } = this.#talk;
    if (!tracker.isEmpty) return this.#cancelUpstream();
    // What is judged only now is cancelled as soon as it runs or waits.
    if (this.#waiting === null) this.#isCancelled = this.#busy;
    else this.#waiting.cancel(cancelled());
    return view.isCancellable ? this.#cancelUpstream() : Promise.resolve();
  }

  /** One at a time: nothing else leaves until it has arrived, or it would hit that. */
  #cancelUpstream(): Promise<void> {
    this.#cancelling ??= this.#sendCancel().finally(() => {
      this.#cancelling = null;
      this.#wakeIdle();
    });
    return this.#cancelling;
  }

  /** A cancel that does not arrive is no error of the session's: the statement simply goes on, as PostgreSQL has it. */
  async #sendCancel(): Promise<void> {
    const { backend, incoming } = this.#talk;
    const { processId, cancelKey } = backend.dialled;
    await sendCancel(incoming.target, processId, cancelKey, AbortSignal.timeout(5_000)).catch(() => undefined);
  }

  #wait(waiting: WaitingStatement | null): void {
    this.#waiting = waiting;
    if (this.#isCancelled) waiting?.cancel(cancelled());
  }

  /**
   * Stops what still runs for a client that has left. A CancelRequest that arrives between two statements is lost, so it
   * is sent again until the server has closed the connection, which it does once it reads Terminate.
   */
  async #cancelUntilGone(): Promise<void> {
    const { socket } = this.#talk.backend.dialled;
    for (const waitMs of [0, 200, 800, 2_000, 5_000]) {
      if (waitMs > 0) await within(closed(socket), waitMs);
      if (socket.closed) return;
      await this.#sendCancel();
    }
  }

  async #shutDown(reason: EndEvent['reason'], detail: string, error: SluiceError | null): Promise<void> {
    const { session, backend, incoming, tracker } = this.#talk;
    if (!tracker.isEmpty) void this.#cancelUntilGone();
    tracker.drain();
    this.#wakeIdle();
    backend.end();
    const { socket } = backend.dialled;
    closeSoon(socket, targetLingerMs);
    if (!this.#clientGone && !incoming.stream.destroyed) {
      this.#toClient.flush();
      if (error !== null) incoming.stream.write(encodeFields('E', gatewayError(error, 'FATAL')));
      closeSoon(incoming.stream, lingerMs);
    } else incoming.stream.destroy();
    if (error !== null) {
      session.recorder.append({
        type: 'error',
        at: this.#talk.now(),
        op: null,
        decider: 'gateway',
        code: error.code,
        message: error.message,
      });
    }
    await session.close(reason, detail);
    await Promise.all([closed(socket), closed(incoming.stream)]);
    this.#finish();
  }

  #targetGone(): void {
    if (this.#isOver) return;
    const { backend, incoming } = this.#talk;
    const lost = backend.dialled.lost();
    const error =
      lost ??
      new SluiceError('target_unreachable', `target ${incoming.target.name} closed the connection`, {
        decider: 'target',
        retryable: true,
      });
    this.end('target closed', lost?.message ?? '', error);
  }

  #fail(error: unknown): void {
    if (isSluiceError(error, 'interrupted')) return this.end('client closed', '');
    const told = isSluiceError(error)
      ? error
      : new SluiceError('unexpected', 'the gateway failed; the session ends to be safe', { cause: error });
    const detail = isSluiceError(error) ? error.message : messageOf(error);
    this.end(isSluiceError(error, 'recorder_failed') ? 'recorder failed' : 'ended by gateway', detail, told);
  }

  // Client → target

  #onClientData(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#fromClient.push(chunk);
    if (!this.#busy) this.#pump();
    else if (this.#fromClient.pending > maxQueuedBytes) this.#talk.incoming.stream.pause();
  }

  /** Handles what has come, as long as nothing must be waited for. */
  #pump(): void {
    this.#busy = true;
    if (this.#cancelling !== null) return this.#pumpAfter(this.#cancelling);
    try {
      for (let message = this.#fromClient.next(); message !== null; message = this.#fromClient.next()) {
        if (message.type === 0x58) return this.end('client closed', '');
        const handled = this.#requests.handle(message);
        if (this.#isOver) return;
        if (handled !== undefined) return this.#pumpAfter(handled);
        if (this.#isCancelled && !this.#talk.unsynced) return this.#pumpAfter(this.#cancelWhatWasSent());
      }
      const released = this.#release();
      if (released !== undefined) return this.#pumpAfter(released);
    } catch (error) {
      return this.#fail(error);
    }
    if (this.#isCancelled) return this.#pumpAfter(this.#cancelWhatWasSent());
    this.#busy = false;
    const { stream } = this.#talk.incoming;
    if (stream.isPaused()) stream.resume();
  }

  /** Its statement came under way only after it was cancelled; a pipeline is cancelled whole. */
  async #cancelWhatWasSent(): Promise<void> {
    this.#isCancelled = false;
    await this.#release();
    if (!this.#talk.tracker.isEmpty) await this.#cancelUpstream();
  }

  #pumpAfter(waited: Promise<void>): void {
    waited.then(
      () => {
        if (this.#isOver) return;
        if (this.#isCancelled && !this.#talk.unsynced) this.#pumpAfter(this.#cancelWhatWasSent());
        else this.#pump();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** The journal first, then the target; waits while the target does not read. */
  #release(): void | Promise<void> {
    const { backend, session } = this.#talk;
    const committed = session.recorder.commit();
    if (committed !== undefined) return committed.then(() => this.#write());
    if (!backend.hasQueued) return undefined;
    return this.#write();
  }

  #write(): void | Promise<void> {
    const { backend } = this.#talk;
    if (backend.release()) return undefined;
    const { socket } = backend.dialled;
    return new Promise((resolve) => {
      const done = (): void => {
        socket.off('drain', done).off('close', done);
        resolve();
      };
      socket.on('drain', done).on('close', done);
    });
  }

  /** Resolves when the target owes no answer. */
  async #untilIdle(): Promise<void> {
    const { tracker, backend, unsynced } = this.#talk;
    const isAnswered = (): boolean => tracker.isEmpty || this.#talk.copyIn !== null;
    const settled = (): boolean => this.#isOver || (isAnswered() && this.#cancelling === null);
    if (settled() && !backend.hasQueued) return;
    if (unsynced) backend.flush();
    await this.#release();
    while (!settled()) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
    if (this.#isOver) throw new SluiceError('interrupted', 'the session ended');
  }

  #wakeIdle(): void {
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }

  // Target → client

  #onServerData(chunk: Buffer, borrowed: boolean): void {
    if (this.#isOver) return;
    const { reader } = this.#talk.backend.dialled;
    try {
      if (borrowed) reader.pushBorrowed(chunk);
      else reader.push(chunk);
      const passed = this.#responses.take(reader);
      const slab = reader.detach();
      const delivered = this.#deliver();
      const spent = passed ? slab : null;
      if (delivered !== undefined) this.#waitToDeliver(delivered, spent);
      else if (spent !== null) this.#giveBack(spent);
      if (this.#idleWaiters.length > 0) this.#wakeIdle();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Memory that was read into, once the system has all that was to be written from it. */
  #giveBack(slab: Slab): void {
    const { stream } = this.#talk.incoming;
    // Other streams may hand on what they are given, and keep it.
    if (!(stream instanceof Socket) || stream.writableLength > 0) return;
    if (this.#toClient.isEmpty && this.#talk.spans.isEmpty) slab.giveBack();
  }

  #waitToDeliver(delivered: Promise<void>, slab: Slab | null): void {
    const { socket } = this.#talk.backend.dialled;
    socket.pause();
    delivered.then(
      () => {
        if (slab !== null) this.#giveBack(slab);
        if (!this.#isOver) socket.resume();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** The journal first, then the client; a promise while the record is being made durable or the client does not read. */
  #deliver(): void | Promise<void> {
    if (this.#delivering !== null) return this.#delivering.then(() => this.#deliver());
    const pieces = this.#talk.spans.take();
    const committed = this.#talk.session.recorder.commit();
    if (committed === undefined) return this.#writeToClient(pieces);
    const delivering = committed.then(() => this.#writeToClient(pieces)).finally(() => (this.#delivering = null));
    this.#delivering = delivering;
    return delivering;
  }

  #writeToClient(pieces: readonly Buffer[]): void | Promise<void> {
    if (pieces.length === 0 || this.#talk.incoming.stream.destroyed) return undefined;
    return this.#toClient.write(pieces) ? undefined : this.#untilDrained();
  }

  #untilDrained(): Promise<void> {
    const { stream } = this.#talk.incoming;
    return new Promise((resolve) => {
      const done = (): void => {
        stream.off('drain', done).off('close', done);
        resolve();
      };
      stream.on('drain', done).on('close', done);
    });
  }
}

function cancelled(): SluiceError {
  return new SluiceError('timeout', 'canceling statement due to user request', { decider: 'gateway' });
}

/** Resolves when `done` does, or after this long. */
async function within(done: Promise<void>, waitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, waitMs).unref()));
  await Promise.race([done, late]);
  clearTimeout(timer);
}

function closed(stream: {
  readonly closed: boolean;
  once(event: 'close', listener: () => void): unknown;
}): Promise<void> {
  return stream.closed ? Promise.resolve() : new Promise((resolve) => stream.once('close', () => resolve()));
}
