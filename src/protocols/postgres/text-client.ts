import { messageOf, SluiceError } from '../../lib/errors.js';
import type { DialledTarget } from './dial.js';
import { decodeErrorFields } from './errors.js';
import { cString, FieldReader, frame } from './frames.js';

export type TextRow = Readonly<Record<string, string | null>>;

/** Runs the gateway's own queries (catalog reads) on a connection of its own, one at a time, values as text. */
export class TextClient {
  readonly #dialled: DialledTarget;

  constructor(dialled: DialledTarget) {
    this.#dialled = dialled;
    dialled.socket.on('error', () => dialled.socket.destroy());
  }

  get isOpen(): boolean {
    return !this.#dialled.socket.destroyed && this.#dialled.socket.readable && this.#dialled.socket.writable;
  }

  async query(sql: string, signal: AbortSignal): Promise<readonly TextRow[]> {
    const { socket, reader } = this.#dialled;
    const rows: TextRow[] = [];
    let names: readonly string[] = [];
    let failure: SluiceError | null = null;
    return await new Promise<readonly TextRow[]>((resolve, reject) => {
      const finish = (error: Error | null): void => {
        socket.off('data', onData).off('close', onClose);
        signal.removeEventListener('abort', onAbort);
        socket.pause();
        if (error === null) resolve(rows);
        else reject(error);
      };
      const take = (): void => {
        for (let found = reader.next(); found !== null; found = reader.next()) {
          const type = String.fromCharCode(found.type);
          if (type === 'T') names = columnNames(found.payload);
          else if (type === 'D') rows.push(decodeRow(found.payload, names));
          else if (type === 'E') {
            const fields = decodeErrorFields(found.payload);
            failure = new SluiceError(
              'target_rejected',
              `the target refused a catalog query (${fields.get('C') ?? ''}): ${fields.get('M') ?? ''}`,
              { decider: 'target', targetCode: fields.get('C') ?? null },
            );
          } else if (type === 'Z') return finish(failure);
        }
      };
      const onData = (chunk: Buffer): void => {
        try {
          reader.push(chunk);
          take();
        } catch (error) {
          finish(error instanceof Error ? error : new Error(messageOf(error)));
        }
      };
      const onClose = (): void =>
        finish(new SluiceError('target_unreachable', 'the target closed the catalog connection'));
      const onAbort = (): void => {
        socket.destroy();
        finish(new SluiceError('timeout', 'reading the catalog took too long', { decider: 'target', retryable: true }));
      };
      socket.on('data', onData).on('close', onClose);
      signal.addEventListener('abort', onAbort, { once: true });
      socket.write(frame('Q', cString(sql)));
      socket.resume();
    });
  }

  end(): void {
    this.#dialled.socket.end(frame('X'));
    this.#dialled.socket.resume();
  }
}

function columnNames(payload: Buffer): readonly string[] {
  const reader = new FieldReader(payload);
  const names: string[] = [];
  for (let i = reader.int16(); i > 0; i--) {
    names.push(reader.string());
    reader.bytes(18);
  }
  return names;
}

function decodeRow(payload: Buffer, names: readonly string[]): TextRow {
  const reader = new FieldReader(payload);
  const row: Record<string, string | null> = {};
  const count = reader.int16();
  for (let i = 0; i < count; i++) {
    const length = reader.int32();
    row[names[i] ?? String(i)] = length === -1 ? null : reader.bytes(length).toString('utf8');
  }
  return row;
}
