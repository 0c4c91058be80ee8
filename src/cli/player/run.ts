import { decodeKeys } from './keys.js';
import { renderFrame } from './frame.js';
import { advance, press, type PlayerState } from './state.js';
import type { Track } from './track.js';

/** The terminal as the player uses it: raw keys in, whole screens out. */
export interface PlayerTerminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  readonly colored: boolean;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** The other screen, no cursor, and no row that goes on in the next. */
const enter = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J';
const leave = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const frameMs = 50;
/** A machine that was asleep, or busy, plays on where it was. */
const maxFrameMs = 4 * frameMs;

/** Plays until the person quits. The terminal is given back as it was, also after an error. */
export async function runPlayer(
  track: Track & { lookOn?(forMs: number): void },
  start: PlayerState,
  terminal: PlayerTerminal,
): Promise<void> {
  const { input, output, colored, now, signal } = terminal;
  let state = start;
  let shown = '';
  const draw = (): void => {
    const size = { columns: output.columns ?? 80, rows: output.rows ?? 24 };
    const text = renderFrame(state, track, size, colored);
    if (text !== shown) output.write(text);
    shown = text;
  };

  output.write(enter);
  input.setRawMode(true);
  input.setEncoding('utf8');
  let last = now();
  try {
    await new Promise<void>((resolve, reject) => {
      const finish = (): void => {
        clearInterval(ticker);
        input.off('data', onData);
        input.off('end', finish);
        output.off('resize', draw);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      // A part of the recording that turns out to be damaged must not leave the terminal as it is.
      const guarded = (work: () => void): void => {
        try {
          work();
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
          finish();
        }
      };
      const onData = (chunk: string): void =>
        guarded(() => {
          for (const key of decodeKeys(chunk)) state = press(state, key, track);
          if (state.done) finish();
          else draw();
        });
      const tick = (): void => {
        const time = now();
        track.lookOn?.(frameMs / 2);
        const isDrawn = state.view === 'text' || (track.reel?.moveTo(state.atMs, frameMs / 2) ?? true);
        if (isDrawn) state = advance(state, Math.min(time - last, maxFrameMs), track);
        last = time;
        draw();
      };
      const ticker = setInterval(() => guarded(tick), frameMs);
      input.on('data', onData);
      input.once('end', finish);
      signal.addEventListener('abort', finish, { once: true });
      output.on('resize', draw);
      guarded(draw);
    });
  } finally {
    input.setRawMode(false);
    input.pause();
    output.write(leave);
  }
  signal.throwIfAborted();
}
