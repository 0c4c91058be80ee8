import type { Terminal } from '@xterm/headless';
import { openTerminal } from './emulator.js';
import { insideOf, type Attributes, type Buffer, type Charset, type Line } from './inside.js';

type Screen = Pick<
  Buffer,
  'x' | 'y' | 'ybase' | 'ydisp' | 'scrollTop' | 'scrollBottom' | 'savedX' | 'savedY' | 'tabs' | 'savedCharset'
> & { readonly lines: readonly Line[]; readonly savedCurAttrData: Attributes };

/** All that decides how a terminal goes on: both screens, and how text to come is drawn. */
export interface TerminalState {
  readonly cols: number;
  readonly rows: number;
  readonly normal: Screen;
  readonly alternate: Screen;
  readonly isAlternate: boolean;
  readonly isCursorHidden: boolean;
  /** LF returns too: new line mode (LNM). */
  readonly isNewLine: boolean;
  readonly modes: object;
  readonly privateModes: object;
  readonly charset: Charset;
  readonly charsetLevel: number;
  readonly charsets: readonly Charset[];
  readonly attributes: Attributes;
  readonly eraseAttributes: Attributes;
  readonly joinState: number;
  readonly title: string;
  readonly titles: readonly string[];
}

/** No sequence and no character is half written: only then is a state whole. */
export function isAtRest(terminal: Terminal): boolean {
  const { _parser: parser, _utf8Decoder: decoder } = insideOf(terminal)._inputHandler;
  return parser.currentState === 0 && decoder.interim.every((byte) => byte === 0);
}

/** A copy that later output does not change. */
export function stateOf(terminal: Terminal): TerminalState {
  const { buffers, coreService, _charsetService: charset, _inputHandler: handler } = insideOf(terminal);
  return {
    cols: terminal.cols,
    rows: terminal.rows,
    normal: screenOf(buffers.normal),
    alternate: screenOf(buffers.alt),
    isAlternate: buffers.active === buffers.alt,
    isCursorHidden: coreService.isCursorHidden,
    isNewLine: terminal.options.convertEol === true,
    modes: { ...coreService.modes },
    privateModes: { ...coreService.decPrivateModes },
    charset: charset.charset,
    charsetLevel: charset.glevel,
    charsets: [...charset._charsets],
    attributes: handler._curAttrData.clone(),
    eraseAttributes: handler._eraseAttrDataInternal.clone(),
    joinState: handler._parser.precedingJoinState,
    title: handler._windowTitle,
    titles: [...handler._windowTitleStack],
  };
}

/** A terminal that goes on from there. */
export function terminalFrom(state: TerminalState, scrollback: number): Terminal {
  const terminal = openTerminal({ cols: state.cols, rows: state.rows, scrollback });
  const { buffers, coreService, _charsetService: charset, _inputHandler: handler } = insideOf(terminal);
  if (state.isAlternate) buffers.activateAltBuffer();
  putScreen(buffers.normal, state.normal);
  putScreen(buffers.alt, state.alternate);
  coreService.isCursorHidden = state.isCursorHidden;
  terminal.options.convertEol = state.isNewLine;
  Object.assign(coreService.modes, state.modes);
  Object.assign(coreService.decPrivateModes, state.privateModes);
  Object.assign(charset, { charset: state.charset, glevel: state.charsetLevel, _charsets: [...state.charsets] });
  handler._curAttrData = state.attributes.clone();
  handler._eraseAttrDataInternal = state.eraseAttributes.clone();
  handler._parser.precedingJoinState = state.joinState;
  handler._windowTitle = state.title;
  handler._windowTitleStack = [...state.titles];
  return terminal;
}

function screenOf(buffer: Buffer): Screen {
  return {
    ...placesOf(buffer),
    lines: Array.from({ length: buffer.lines.length }, (_, index) => buffer.lines.get(index)).flatMap((line) =>
      line === undefined ? [] : [line.clone()],
    ),
    savedCurAttrData: buffer.savedCurAttrData.clone(),
  };
}

function putScreen(buffer: Buffer, screen: Screen): void {
  buffer.lines.length = 0;
  for (const line of screen.lines) buffer.lines.push(line.clone());
  Object.assign(buffer, placesOf(screen), { savedCurAttrData: screen.savedCurAttrData.clone() });
}

function placesOf(from: Omit<Screen, 'lines' | 'savedCurAttrData'>) {
  const { x, y, ybase, ydisp, scrollTop, scrollBottom, savedX, savedY, tabs, savedCharset } = from;
  return { x, y, ybase, ydisp, scrollTop, scrollBottom, savedX, savedY, tabs: { ...tabs }, savedCharset };
}
