import type { AuditEvent } from './audit-event.js';
import { Shipper } from './shipper.js';
import type { Sink } from './sinks.js';
import { advance, Spool } from './spool.js';

/** Events wait here while the disk is slow; of more, the newest are lost and counted, since no session may wait. */
const maxQueued = 50_000;
const drainMs = 3_000;

/** Where an event stands among those of its source: its session, or the audit trail. */
export type Source = { readonly session: string } | { readonly trail: number } | null;

export interface AuditStreamOptions {
  readonly dir: string;
  readonly gateway: string;
  readonly sinks: readonly Sink[];
  readonly clock: () => number;
  readonly onProblem: (message: string, cause: unknown) => void;
}

/**
 * Numbers events and brings them to every sink: first into the spool on the disk, from there to the sinks, each at its own
 * pace. Telling never waits. What a crash takes before it is on the disk is told again from journals and audit trail,
 * which is why each event carries its number within its source.
 */
export class AuditStream {
  readonly #options: AuditStreamOptions;
  readonly #spool: Spool;
  #shippers: readonly Shipper[] = [];
  #queue: string[] = [];
  #lost = 0;
  #writing: Promise<void> | null = null;
  /** Runs ahead of the spool's own state by what is queued. */
  readonly #ahead: { sequence: number; trail: number | null; readonly open: Map<string, number> };

  private constructor(options: AuditStreamOptions, spool: Spool) {
    this.#options = options;
    this.#spool = spool;
    const { sequence, trail, open } = spool.state;
    this.#ahead = { sequence, trail, open: new Map(open) };
  }

  static async open(options: AuditStreamOptions): Promise<AuditStream> {
    const spool = await Spool.open(options.dir);
    const stream = new AuditStream(options, spool);
    const { dir, onProblem } = options;
    const onDelivered = (): void => void stream.#release().catch((error: unknown) => onProblem('audit spool', error));
    stream.#shippers = await Promise.all(
      options.sinks.map((sink) => Shipper.start(sink, { dir, spool, onDelivered, onProblem })),
    );
    return stream;
  }

  /** Sessions that had not ended when the process before did, and how many events were kept of each. */
  get unfinished(): ReadonlyMap<string, number> {
    return new Map(this.#ahead.open);
  }
  /** The last act in the audit trail that was told. */
  get trail(): number | null {
    return this.#ahead.trail;
  }
  /** Events that a sink has not confirmed yet. */
  get backlog(): number {
    return this.#ahead.sequence - Math.min(this.#ahead.sequence, ...this.#shippers.map(({ delivered }) => delivered));
  }

  tell(event: AuditEvent, source: Source): void {
    if (this.#queue.length >= maxQueued) {
      this.#lost++;
      return;
    }
    if (this.#lost > 0) this.#tellLost();
    this.#push(event, source);
  }

  /** Resolves when everything told so far is on the disk. */
  async flushed(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  async close(): Promise<void> {
    await this.flushed();
    await Promise.all(this.#shippers.map((shipper) => shipper.stop(drainMs)));
  }

  #push(event: AuditEvent, source: Source): void {
    const ahead = this.#ahead;
    let number: number | null = null;
    if (source !== null) number = 'trail' in source ? source.trail : (ahead.open.get(source.session) ?? 0) + 1;
    const { schema, ...rest } = event;
    const sequence = ahead.sequence + 1;
    const line = { schema, sequence, gateway: this.#options.gateway, source_sequence: number, ...rest };
    advance(ahead, line);
    this.#queue.push(JSON.stringify(line));
    this.#writing ??= this.#write();
  }

  #tellLost(): void {
    const count = this.#lost;
    this.#lost = 0;
    this.#push(
      {
        ...{ schema: 'sluice.audit/v1', event: 'audit.lost', at: new Date(this.#options.clock()).toISOString() },
        ...{ severity: 'warning', outcome: 'failed', actor: null, session: null, target: null, object: null, op: null },
        detail: { count },
      },
      null,
    );
  }

  async #write(): Promise<void> {
    let failures = 0;
    while (this.#queue.length > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      const lines = this.#queue;
      this.#queue = [];
      try {
        await this.#spool.append(`${lines.join('\n')}\n`);
        failures = 0;
        for (const line of lines) advance(this.#spool.state, JSON.parse(line) as Parameters<typeof advance>[1]);
        for (const shipper of this.#shippers) shipper.wake();
      } catch (error) {
        this.#queue = [...lines, ...this.#queue];
        if (failures++ === 0) this.#options.onProblem('audit events cannot be written to the disk', error);
        if (failures > 3) break; // tried again with the next event
        await new Promise((resolve) => setTimeout(resolve, 100 * failures).unref());
      }
    }
    this.#writing = null;
  }

  #release(): Promise<void> {
    return this.#spool.release(Math.min(...this.#shippers.map(({ delivered }) => delivered)));
  }
}
