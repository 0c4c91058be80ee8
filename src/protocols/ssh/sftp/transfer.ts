import { createHash, type Hash } from 'node:crypto';
import type { Detectors } from '../../../masking/detectors.js';
import type { FileEvent, SessionRecorder } from '../../../recording/events.js';
import { PassingBytes } from '../../../sessions/passing-bytes.js';
import { FileCapture } from './capture.js';

const mebibyte = 1024 * 1024;

export type Direction = FileEvent['direction'];

export interface TransferOptions {
  readonly recorder: SessionRecorder;
  readonly now: () => number;
  readonly op: number;
  readonly path: string;
  readonly direction: Direction;
  /** How much of the content is kept, and what is masked in that. */
  readonly keepBytes: number;
  readonly detectors: Detectors | null;
}

/** The bytes that one open file moves in one direction: how many, their digest while they come in order, and what is kept. */
export class Transfer {
  readonly #options: TransferOptions;
  readonly #capture: FileCapture;
  #next = 0;
  readonly #passing: PassingBytes;
  #hash: Hash | null = createHash('sha256');

  constructor(options: TransferOptions) {
    this.#options = options;
    const { recorder, now, op, path, direction, keepBytes, detectors } = options;
    this.#passing = new PassingBytes({ recorder, op, now, what: `in the ${direction} of ${path}` });
    this.#capture = new FileCapture({
      ...{ keepBytes, detectors },
      append: (data) => recorder.append({ type: 'file', at: now(), op, direction, data }),
    });
  }

  /** Appends to the journal; whoever calls commits before the bytes move on. */
  add(offset: number, data: Buffer): void {
    this.#passing.add(data.length);
    if (offset === this.#next) this.#hash?.update(data);
    else this.#hash = null;
    this.#next = offset + data.length;
    this.#capture.add(offset, data);
  }

  get bytes(): number {
    return this.#passing.total;
  }

  /** Records what was moved, if anything was; `digest` is '' when its parts did not come in order. */
  end(how: string): void {
    const isKept = this.#capture.finish();
    if (this.bytes === 0) return;
    const { recorder, now, op, path, direction } = this.#options;
    recorder.append({
      ...{ type: 'result', at: now(), op, rowCount: 0, byteCount: this.bytes, truncated: !isKept },
      tag: `${direction}ed ${this.bytes} bytes of ${path}${how === '' ? '' : `, ${how}`}`,
      digest: this.#hash?.digest('hex') ?? '',
    });
  }
}

/** Up to the first MiB 0, then the next power of two MiB: how far an upload may go before it is judged again. */
export function sizeStep(bytes: number): number {
  if (bytes <= mebibyte) return 0;
  return 2 ** Math.ceil(Math.log2(bytes / mebibyte)) * mebibyte;
}
