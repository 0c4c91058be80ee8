import type { JSONRPCMessage, RequestId, Transport } from '@modelcontextprotocol/server';
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import type { Readable } from 'node:stream';

/** The protocol on stdin and stdout, which knows what it has been asked and has not answered yet. */
export class AnsweringTransport implements Transport {
  readonly #wire: StdioServerTransport;
  readonly #unanswered = new Set<RequestId>();
  #onAnswered: () => void = () => undefined;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;

  constructor(input: Readable) {
    this.#wire = new StdioServerTransport(input, process.stdout);
  }

  start(): Promise<void> {
    this.#wire.onclose = () => this.onclose?.();
    this.#wire.onerror = (error) => this.onerror?.(error);
    this.#wire.onmessage = (message) => {
      if ('method' in message && 'id' in message) this.#unanswered.add(message.id);
      // What was called off is not answered.
      if ('method' in message && message.method === 'notifications/cancelled')
        this.#settle(message.params?.['requestId']);
      this.onmessage?.(message);
    };
    return this.#wire.start();
  }

  async send(message: JSONRPCMessage): Promise<void> {
    await this.#wire.send(message);
    if (!('method' in message)) this.#settle(message.id);
  }

  close(): Promise<void> {
    return this.#wire.close();
  }

  /** Resolves once everything that was asked is answered. */
  async answered(): Promise<void> {
    while (this.#unanswered.size > 0) await new Promise<void>((resolve) => (this.#onAnswered = resolve));
  }

  #settle(id: unknown): void {
    if (this.#unanswered.delete(id as RequestId)) this.#onAnswered();
  }
}
