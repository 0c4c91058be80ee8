import type { Detectors } from '../../../masking/detectors.js';
import { StreamMasker } from '../../../masking/stream-masker.js';

export interface CaptureOptions {
  /** How much of the file is kept, from its beginning; 0: nothing. */
  readonly keepBytes: number;
  /** What is masked in what is kept; the file itself passes as it is. */
  readonly detectors: Detectors | null;
  readonly append: (bytes: Buffer) => void;
}

/** Keeps the content of one file that is moved in one direction, as long as it comes in order. */
export class FileCapture {
  readonly #options: CaptureOptions;
  readonly #masker: StreamMasker | null;
  #next = 0;
  #kept = 0;
  #isStopped: boolean;

  constructor(options: CaptureOptions) {
    this.#options = options;
    const { detectors } = options;
    this.#masker = detectors === null ? null : new StreamMasker(detectors);
    this.#isStopped = options.keepBytes === 0;
  }

  add(offset: number, data: Buffer): void {
    if (this.#isStopped) return;
    if (offset !== this.#next) return this.#stop();
    this.#next += data.length;
    const kept = data.subarray(0, this.#options.keepBytes - this.#kept);
    this.#kept += kept.length;
    this.#append(this.#masker === null ? kept : this.#masker.push(kept));
    if (kept.length < data.length) this.#stop();
  }

  /** Nothing more comes. True when everything that was moved is kept. */
  finish(): boolean {
    const isWhole = !this.#isStopped;
    this.#stop();
    return isWhole;
  }

  #stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    if (this.#masker !== null) this.#append(this.#masker.flush());
  }

  #append(bytes: Buffer): void {
    if (bytes.length > 0) this.#options.append(bytes);
  }
}
