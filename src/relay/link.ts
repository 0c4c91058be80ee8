import type { Duplex } from 'node:stream';
import { SluiceError } from '../lib/errors.js';
import {
  broken,
  encodeFrame,
  encodeHead,
  FrameDecoder,
  type RefusalReason,
  type RelayFrame,
  type Wanted,
} from './frames.js';
import { RelayStream } from './stream.js';

/** A stream that the gateway asks a relay for: exactly one of the two is called. */
export interface StreamRequest {
  readonly wanted: Wanted;
  accept(): RelayStream;
  refuse(reason: RefusalReason, text: string): void;
  /** Aborts when the gateway gave up, or the connection ended. */
  readonly signal: AbortSignal;
}

export interface LinkOptions {
  /** The gateway opens streams, the relay accepts or refuses them. */
  readonly side: 'gateway' | 'relay';
  readonly transport: Duplex;
  /** Relay's side. */
  readonly onRequest?: (request: StreamRequest) => void;
  /** Gateway's side: the relay shows a fresh token. */
  readonly onLogin?: (token: string) => void;
  readonly onGoodbye?: (text: string) => void;
  /** What streams end with when the connection does; else why it ended. */
  readonly lost?: (why: Error) => Error;
  readonly heartbeatMs?: number;
  readonly maxStreams?: number;
}

/** The relay's answer to a request for a stream, when it is no. */
export class StreamRefusal extends Error {
  constructor(
    readonly reason: RefusalReason,
    readonly text: string,
  ) {
    super(text);
  }
}

const defaultHeartbeatMs = 15_000;
const silentBeats = 3;
const defaultMaxStreams = 1024;
/** Data waits until the transport drains, so this much can only be answers to a peer that asks and does not read. */
const maxUnreadBytes = 1024 * 1024;
const lastStream = 0xffff_fffe;

interface Opening {
  readonly resolve: (stream: RelayStream) => void;
  readonly reject: (error: Error) => void;
}

/** One relay connection, seen from either side: streams in both directions over one transport, with a heartbeat. */
export class RelayLink {
  readonly #options: LinkOptions;
  readonly #transport: Duplex;
  readonly #streams = new Map<number, RelayStream>();
  readonly #opening = new Map<number, Opening>();
  /** Asked for, not yet answered; relay's side. */
  readonly #asked = new Map<number, AbortController>();
  readonly #waiting = new Set<RelayStream>();
  readonly #decoder = new FrameDecoder();
  readonly #timer: NodeJS.Timeout;
  readonly #closed: Promise<void>;
  #markClosed: () => void = () => undefined;
  #highest = 0;
  #silentFor = 0;
  #pongDue: Buffer | null = null;
  #end: Error | null = null;
  #isClosing = false;
  #isPumping = false;
  #idleWaiters: (() => void)[] = [];
  #bytes = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { transport } = options;
    this.#transport = transport;
    this.#closed = new Promise((resolve) => (this.#markClosed = resolve));
    transport.on('data', (chunk: Buffer) => this.#receive(chunk));
    transport.on('drain', () => this.#pump());
    transport.on('error', (error) => this.destroy(error));
    transport.on('end', () => this.destroy(new Error('the connection ended')));
    transport.on('close', () => this.destroy(new Error('the connection was cut')));
    this.#timer = setInterval(() => this.#beat(), options.heartbeatMs ?? defaultHeartbeatMs);
    this.#timer.unref();
  }

  /** Resolves when the connection is over. */
  get closed(): Promise<void> {
    return this.#closed;
  }
  /** Why it is over; null while it is not. */
  get end(): Error | null {
    return this.#end;
  }
  /** It takes no new streams. */
  get isClosing(): boolean {
    return this.#isClosing || this.#end !== null;
  }
  get streams(): number {
    return this.#streams.size + this.#opening.size;
  }
  /** Bytes that streams carried, in both directions. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Resolves when it carries no stream, or is over. */
  whenIdle(): Promise<void> {
    if (this.#end !== null || this.#streams.size + this.#asked.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Asks the relay to connect, or to run a program; rejects with a StreamRefusal, the signal's reason or why the connection ended. */
  open(wanted: Wanted, signal: AbortSignal): Promise<RelayStream> {
    if (this.#options.side !== 'gateway') throw new TypeError('only the gateway opens streams');
    if (this.#end !== null) return Promise.reject(this.#end);
    if (this.streams >= (this.#options.maxStreams ?? defaultMaxStreams))
      return Promise.reject(new StreamRefusal('busy', 'it carries as many connections as it may'));
    if (this.#highest >= lastStream) return Promise.reject(new StreamRefusal('busy', 'it has to connect again first'));
    const id = ++this.#highest;
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#opening.delete(id);
        this.#send({ type: 'reset', stream: id });
        reject(signal.reason as Error);
      };
      if (signal.aborted) return reject(signal.reason as Error);
      const settle = (): void => signal.removeEventListener('abort', onAbort);
      signal.addEventListener('abort', onAbort, { once: true });
      this.#opening.set(id, {
        resolve: (stream) => {
          settle();
          resolve(stream);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      if ('program' in wanted) this.#send({ type: 'run', stream: id, program: wanted.program });
      else this.#send({ type: 'open', stream: id, host: wanted.host, port: wanted.port });
    });
  }

  /** Shows the gateway a fresh token. */
  login(token: string): void {
    this.#send({ type: 'login', token });
  }

  /** Tells the other side that this connection takes no new streams; those that run go on. */
  sayGoodbye(text: string): void {
    this.#isClosing = true;
    this.#send({ type: 'goodbye', text });
  }

  /** Ends the connection with all its streams. Idempotent. */
  destroy(error: Error): void {
    if (this.#end !== null) return;
    this.#end = error;
    clearInterval(this.#timer);
    for (const { reject } of this.#opening.values()) reject(error);
    this.#opening.clear();
    for (const asked of this.#asked.values()) asked.abort(error);
    this.#asked.clear();
    const told = this.#options.lost?.(error) ?? error;
    for (const stream of this.#streams.values()) stream.destroy(told);
    this.#streams.clear();
    this.#wakeIfIdle();
    this.#transport.destroy();
    this.#markClosed();
  }

  #receive(chunk: Buffer): void {
    this.#silentFor = 0;
    try {
      for (const frame of this.#decoder.push(chunk)) {
        if (this.#end !== null) return;
        this.#take(frame);
      }
      if (this.#transport.writableLength > maxUnreadBytes) throw broken('more questions than it reads answers');
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #take(frame: RelayFrame): void {
    const isGateway = this.#options.side === 'gateway';
    switch (frame.type) {
      case 'open':
      case 'run':
        if (isGateway) throw broken('a request to open a stream');
        return this.#requested(
          frame.stream,
          frame.type === 'run' ? { program: frame.program } : { host: frame.host, port: frame.port },
        );
      case 'opened':
      case 'refused': {
        if (!isGateway) throw broken(`a ${frame.type} frame`);
        this.#requireKnown(frame.stream);
        const opening = this.#opening.get(frame.stream);
        this.#opening.delete(frame.stream);
        if (opening === undefined) {
          // Given up meanwhile is no fault; answered twice is.
          if (this.#streams.has(frame.stream)) throw broken('two answers for one stream');
          return;
        }
        if (frame.type === 'refused') return opening.reject(new StreamRefusal(frame.reason, frame.text));
        return opening.resolve(this.#add(frame.stream));
      }
      case 'data': {
        this.#bytes += frame.bytes.length;
        this.#streamOf(frame.stream)?.receiveData(frame.bytes);
        return;
      }
      case 'window':
        this.#streamOf(frame.stream)?.receiveWindow(frame.bytes);
        return;
      case 'end':
        this.#streamOf(frame.stream)?.receiveEnd();
        return;
      case 'reset': {
        const asked = this.#asked.get(frame.stream);
        this.#asked.delete(frame.stream);
        asked?.abort(new SluiceError('interrupted', 'the gateway gave it up'));
        const stream = this.#streamOf(frame.stream);
        this.#streams.delete(frame.stream); // no answer to a reset
        this.#wakeIfIdle();
        stream?.destroy(new Error('the connection to the target was cut'));
        return;
      }
      case 'ping':
        this.#pongDue = frame.mark;
        return this.#answerPing();
      case 'pong':
        return;
      case 'goodbye':
        this.#isClosing = true;
        return this.#options.onGoodbye?.(frame.text);
      case 'login':
        if (!isGateway) throw broken('a login');
        return this.#options.onLogin?.(frame.token);
    }
  }

  #requested(id: number, wanted: Wanted): void {
    if (id <= this.#highest) throw broken('a stream number that was used before');
    this.#highest = id;
    const refuse = (reason: RefusalReason, text: string): void => {
      if (!this.#asked.delete(id)) return;
      this.#send({ type: 'refused', stream: id, reason, text });
      this.#wakeIfIdle();
    };
    const gone = new AbortController();
    this.#asked.set(id, gone);
    if (this.#streams.size + this.#asked.size > (this.#options.maxStreams ?? defaultMaxStreams))
      return refuse('busy', 'it carries as many connections as it may');
    const accept = (): RelayStream => {
      if (!this.#asked.delete(id)) throw new TypeError('this stream is not asked for any longer');
      this.#send({ type: 'opened', stream: id });
      return this.#add(id);
    };
    this.#options.onRequest?.({ wanted, accept, refuse, signal: gone.signal });
  }

  #add(id: number): RelayStream {
    const stream = new RelayStream(id, {
      wantsToSend: (one) => {
        this.#waiting.add(one);
        this.#pump();
      },
      sendData: (of, bytes) => {
        this.#bytes += bytes.length;
        this.#transport.cork();
        this.#transport.write(encodeHead('data', of, bytes.length));
        this.#transport.write(bytes);
        this.#transport.uncork();
      },
      sendWindow: (of, bytes) => this.#send({ type: 'window', stream: of, bytes }),
      sendEnd: (of) => this.#send({ type: 'end', stream: of }),
      forget: (one, cleanly) => {
        this.#waiting.delete(one);
        if (!this.#streams.delete(one.id)) return;
        if (!cleanly) this.#send({ type: 'reset', stream: one.id });
        this.#wakeIfIdle();
      },
    });
    this.#streams.set(id, stream);
    return stream;
  }

  #wakeIfIdle(): void {
    if (this.#streams.size + this.#asked.size > 0) return;
    for (const wake of this.#idleWaiters.splice(0)) wake();
  }

  /** The stream of a number; null for one that is over, whose last frames may still be on their way. */
  #streamOf(id: number): RelayStream | null {
    this.#requireKnown(id);
    const stream = this.#streams.get(id);
    if (stream === undefined && (this.#opening.has(id) || this.#asked.has(id)))
      throw broken('something for a stream that is not open');
    return stream ?? null;
  }

  #requireKnown(id: number): void {
    if (id > this.#highest) throw broken('something for a stream that never was');
  }

  /** One frame of each stream that waits, round and round, as long as the transport takes them. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    this.#answerPing();
    while (!this.#transport.writableNeedDrain && this.#end === null) {
      const [stream] = this.#waiting;
      if (stream === undefined) break;
      this.#waiting.delete(stream);
      if (stream.sendSome()) this.#waiting.add(stream);
    }
    this.#isPumping = false;
  }

  /** Many pings that find the transport full get one answer. */
  #answerPing(): void {
    if (this.#pongDue === null || this.#transport.writableNeedDrain) return;
    const mark = this.#pongDue;
    this.#pongDue = null;
    this.#send({ type: 'pong', mark });
  }

  #beat(): void {
    if (++this.#silentFor > silentBeats) return this.destroy(new Error('it has been silent for too long'));
    if (!this.#transport.writableNeedDrain) this.#send({ type: 'ping', mark: Buffer.alloc(8) });
  }

  #send(frame: RelayFrame): void {
    if (this.#end === null && this.#transport.writable) this.#transport.write(encodeFrame(frame));
  }
}
