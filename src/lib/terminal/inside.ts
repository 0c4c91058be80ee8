import type { Terminal } from '@xterm/headless';

/** A parsed sequence, whose numbers its handlers take from here. */
interface Parameters {
  readonly params: Int32Array;
}

export interface Line {
  clone(): Line;
}
/** What can be copied, of text that is yet to come. */
export interface Attributes {
  clone(): Attributes;
}
export type Charset = Readonly<Record<string, string>> | undefined;

/** One of the two screens. */
export interface Buffer {
  readonly lines: { length: number; get(index: number): Line | undefined; push(line: Line): void };
  x: number;
  y: number;
  ybase: number;
  ydisp: number;
  scrollTop: number;
  scrollBottom: number;
  savedX: number;
  savedY: number;
  tabs: Readonly<Record<number, boolean | undefined>>;
  savedCurAttrData: Attributes;
  savedCharset: Charset;
}

/** What the emulator (its version is pinned) has inside of it, where its published surface ends. */
interface Inside {
  readonly _core: {
    /** Draws at once. Nothing that is registered here makes it wait. */
    writeSync(bytes: Uint8Array): void;
    readonly buffers: {
      readonly normal: Buffer;
      readonly alt: Buffer;
      readonly active: Buffer;
      activateAltBuffer(): void;
    };
    readonly coreService: { isCursorHidden: boolean; modes: object; decPrivateModes: object };
    readonly _charsetService: { charset: Charset; glevel: number; _charsets: readonly Charset[] };
    readonly _inputHandler: {
      _windowTitle: string;
      _windowTitleStack: string[];
      _curAttrData: Attributes;
      _eraseAttrDataInternal: Attributes;
      readonly _utf8Decoder: { readonly interim: Uint8Array };
      readonly _parser: {
        /** 0 between sequences. */
        readonly currentState: number;
        precedingJoinState: number;
        registerCsiHandler(id: { readonly final: string }, handler: (parameters: Parameters) => boolean): void;
      };
      onRequestRefreshRows(listener: (rows: RowRange | undefined) => void): void;
    };
  };
}
export interface RowRange {
  readonly start: number;
  readonly end: number;
}

export function insideOf(terminal: Terminal): Inside['_core'] {
  return (terminal as unknown as Inside)._core;
}
