import { styleText } from 'node:util';
import { plainJson } from './plain.js';
import type { Cell } from './table.js';
import { renderTsv } from './table.js';

export type ColorChoice = 'auto' | 'always' | 'never';
type Style = Parameters<typeof styleText>[0];

/** The part of a standard stream that output needs. */
export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
  once?(event: 'drain' | 'close', listener: () => void): unknown;
  off?(event: 'drain' | 'close', listener: () => void): unknown;
}
export interface OutputOptions {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly color: ColorChoice;
  readonly noColor: boolean;
  readonly forceColor: boolean;
}

/** Where a command's words go: its payload to stdout, all else to stderr; with --json one document and nothing more. */
export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly #options: OutputOptions;

  constructor(options: OutputOptions) {
    this.#options = options;
    this.json = options.json;
    this.quiet = options.quiet;
  }

  /** stdout is a terminal, so tables may have borders and be cut to its width. */
  get interactive(): boolean {
    return this.#options.stdout.isTTY === true;
  }
  get width(): number {
    return Math.max(40, this.#options.stdout.columns ?? 80);
  }

  get colored(): boolean {
    return this.#isColored(this.#options.stdout);
  }

  /** The one document of a --json run, or one line of an NDJSON stream. */
  document(document: object): void {
    this.#options.stdout.write(`${plainJson(document)}\n`);
  }
  /** Payload: text that a script may take. */
  payload(text: string): void {
    this.#options.stdout.write(text.endsWith('\n') || text === '' ? text : `${text}\n`);
  }
  /** A part of the payload, as it is. */
  piece(text: string): void {
    this.#options.stdout.write(text);
  }
  /** A part of a large payload; resolves when the reader is ready for more. */
  flow(text: string): Promise<void> {
    const { stdout } = this.#options;
    if (stdout.write(text) !== false) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        stdout.off?.('drain', done);
        stdout.off?.('close', done);
        resolve();
      };
      if (stdout.once === undefined) return resolve();
      stdout.once('drain', done);
      stdout.once('close', done);
    });
  }
  /** With --json the document, else the text. */
  show(document: object, text: () => string): void {
    if (this.json) this.document(document);
    else this.payload(text());
  }
  /** With --json the document, else a table: bordered on a terminal, TSV when piped. */
  async table(document: object, header: readonly string[], rows: readonly (readonly Cell[])[]): Promise<void> {
    if (this.json) return this.document(document);
    if (!this.interactive) return this.payload(renderTsv(header, rows));
    const { renderTable } = await import('./table-screen.js');
    this.payload(renderTable(header, rows, { width: this.width, paint: (style, text) => this.paint(style, text) }));
  }
  /** A word to the person: progress, hints, confirmations. Silent with --quiet. */
  note(text: string): void {
    if (!this.quiet) this.#options.stderr.write(`${text}\n`);
  }
  /** An error or what must be read even with --quiet. */
  alert(text: string): void {
    this.#options.stderr.write(`${text}\n`);
  }
  /** Raw bytes to stderr, for lines that rewrite themselves. */
  status(text: string): void {
    if (!this.quiet) this.#options.stderr.write(text);
  }
  paint(style: Style, text: string): string {
    return this.#paint(this.#options.stdout, style, text);
  }
  paintError(style: Style, text: string): string {
    return this.#paint(this.#options.stderr, style, text);
  }

  #paint(stream: OutputStream, style: Style, text: string): string {
    // The stream is judged here, with --color counted in; styleText's own check is off.
    return this.#isColored(stream) ? styleText(style, text, { validateStream: false }) : text;
  }
  #isColored(stream: OutputStream): boolean {
    const { color, noColor, forceColor } = this.#options;
    return color === 'always' || (color === 'auto' && !noColor && (stream.isTTY === true || forceColor));
  }
}

/** Writes to standard output or error; resolves when it is on its way, so that an exit loses nothing. */
export function writeText(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return text === '' ? Promise.resolve() : new Promise((resolve) => void stream.write(text, () => resolve()));
}
