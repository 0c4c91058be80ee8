import type { SessionChange } from '../../analysis/postgres-types.js';
import { SluiceError } from '../../lib/errors.js';
import type { Conversation } from './conversation.js';
import { gatewayError } from './errors.js';
import { ExtendedQuery } from './extended-query.js';
import { decodeUtf8, FieldReader, type Frame } from './frames.js';
import { Judging } from './judging.js';
import { refuse } from './refusal.js';
import type { RelayHooks } from './relay-hooks.js';
import type { Run } from './run.js';
import { SimpleQuery } from './simple-query.js';
import { readyForQuery } from './words.js';

/** The client's half: frame → operation → gate → frame of our own, or a refusal in its place. */
export class ClientRequests {
  readonly #talk: Conversation;
  readonly #hooks: RelayHooks;
  readonly #simple: SimpleQuery;
  readonly #extended: ExtendedQuery;

  constructor(talk: Conversation, hooks: RelayHooks) {
    this.#talk = talk;
    this.#hooks = hooks;
    const judging = new Judging(talk, hooks);
    this.#simple = new SimpleQuery(talk, hooks, judging);
    this.#extended = new ExtendedQuery(talk, hooks, judging);
  }

  /** Handles one message; a promise when it must wait for analysis, people or the target. Throws `protocol` to end it all. */
  handle(message: Frame): void | Promise<void> {
    const talk = this.#talk;
    talk.heardAt = talk.changes.now;
    const type = String.fromCharCode(message.type);
    if (talk.copyIn !== null) return this.#duringCopy(talk.copyIn, type, message);
    if (talk.skipping && type !== 'S') return undefined;
    switch (type) {
      case 'Q':
        return this.#simple.query(decodeOnly(message.payload));
      case 'P':
        return this.#extended.parse(message.payload);
      case 'B':
        return this.#extended.bind(message.payload);
      case 'D':
        return this.#extended.describe(message.payload);
      case 'E':
        return this.#extended.execute(message.payload);
      case 'C':
        return this.#extended.close(message.payload);
      case 'H':
        talk.backend.flush();
        return undefined;
      case 'S':
        return this.#sync();
      case 'F':
        return this.#functionCall();
      // Left over from a COPY that failed: the server ignores them as well (PostgreSQL 55.2.6).
      case 'd':
      case 'c':
      case 'f':
        return undefined;
      default:
        throw new SluiceError('protocol', `invalid frontend message type 0x${message.type.toString(16)}`);
    }
  }

  #duringCopy(run: Run, type: string, message: Frame): void | Promise<void> {
    const { backend, session } = this.#talk;
    const refused = type === 'd' || type === 'c' ? session.refusedNow(run.permit, run.statement.effects) : null;
    if (refused !== null) {
      backend.copyFail(refused.message);
      this.#talk.copyIn = null;
      return;
    }
    switch (type) {
      case 'd':
        backend.copyData(run.permit, message);
        return;
      case 'c':
        backend.copyDone(run.permit);
        this.#talk.copyIn = null;
        return this.#untilNextCopy();
      case 'f':
        backend.copyFail(new FieldReader(message.payload).string());
        this.#talk.copyIn = null;
        return;
      case 'H':
      case 'S':
        return; // the server ignores these during COPY FROM STDIN; forwarding them would lose their answer
      default:
        backend.copyFail(`message 0x${message.type.toString(16)} during COPY`);
        this.#talk.copyIn = null;
    }
  }

  /** A query may hold several COPYs: what comes next is for the next one, once the server says that it has begun. */
  #untilNextCopy(): void | Promise<void> {
    const { head } = this.#talk.tracker;
    const later = head?.type === 'query' ? head.runs.slice(head.at + 1) : [];
    if (!later.some(({ statement }) => statement.changes.some(isCopyIn))) return undefined;
    return this.#waitForCopy();
  }

  async #waitForCopy(): Promise<void> {
    await this.#hooks.release();
    await this.#hooks.idle();
  }

  #sync(): void | Promise<void> {
    const talk = this.#talk;
    const onlyHere = talk.skipping && !talk.unsynced && talk.tracker.isEmpty;
    talk.skipping = false;
    if (onlyHere) {
      talk.toClient(readyForQuery(talk.transaction));
      return this.#hooks.deliver();
    }
    talk.backend.sync();
    talk.unsynced = false;
    talk.tracker.push({ type: 'sync', era: talk.era++ });
    return undefined;
  }

  async #functionCall(): Promise<void> {
    const fault = new SluiceError(
      'denied',
      'a function that the client calls beside SQL (\\lo_import, a driver’s fast path) cannot be judged; call it in SQL.',
      { decider: 'gateway' },
    );
    const operation = { protocol: 'postgres', kind: 'functionCall', text: 'FunctionCall', parameters: [] } as const;
    this.#talk.session.gate.judge({ operation, effects: [], fault });
    await refuse(this.#talk, this.#hooks, { fields: gatewayError(fault) }, true);
  }
}

const isCopyIn = ({ type }: SessionChange): boolean => type === 'copyIn';

function decodeOnly(payload: Buffer): string {
  const reader = new FieldReader(payload);
  const text = reader.rawString();
  reader.end();
  return decodeUtf8(text);
}
