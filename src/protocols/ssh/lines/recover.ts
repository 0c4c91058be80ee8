import type { ScreenLine } from './screen.js';

/** A line about to be run, as far as the screen tells. */
export type Recovered =
  /** Nothing to run: an empty line. */
  | { readonly kind: 'none' }
  /** Nothing of what was typed is shown: a password, or a terminal without echo. */
  | { readonly kind: 'hidden' }
  /** A key was pressed that may run other than what stands there: an editor for the line, a macro, an expansion. */
  | { readonly kind: 'keys'; readonly text: string }
  /** A program draws the whole screen. */
  | { readonly kind: 'fullscreen' }
  /** `isCertain`: the screen shows what the keys say, or what stands behind the prompt. */
  | { readonly kind: 'line'; readonly text: string; readonly isCertain: boolean };

/** What is known of the line beside the screen. */
export interface Before {
  /** The line as it stood when the first key was typed: the prompt; null when it was not seen. */
  readonly prompt: string | null;
  /** What was typed, when keys alone tell; null otherwise. */
  readonly typed: string | null;
  /** Nothing was typed since the last line ended. */
  readonly isFresh: boolean;
  readonly hasText: boolean;
  /** The prompt of the line before. */
  readonly lastPrompt: string;
}

/** Readline's search in the history, which takes the prompt's place: what would run stands behind. */
const search = /^\((?:failed )?(?:reverse-)?i-search\)`.*?': /;

/** Reads the line off the screen. */
export function recover(line: ScreenLine, before: Before): Recovered {
  const { prompt, typed, isFresh, hasText, lastPrompt } = before;
  const whole = `${line.head}${line.tail}`;
  if (isFresh) {
    // A line may be there all the same: put there by the shell (a history expansion to look at before it runs).
    const rest = lastPrompt.trim() !== '' && whole.startsWith(lastPrompt) ? whole.slice(lastPrompt.length).trim() : '';
    return rest === '' ? { kind: 'none' } : { kind: 'line', text: rest, isCertain: false };
  }
  if (typed !== null) {
    if (prompt !== null && line.head === `${prompt}${typed}`) return lineOf(typed, true);
    // Typed before the prompt came: what was typed stands there all the same, behind whatever.
    if (typed.trim() !== '' && line.head.endsWith(typed)) return lineOf(typed, prompt === null || prompt.trim() === '');
  }
  const rest = behindPrompt(whole, prompt);
  if (rest !== null) {
    const text = `${rest.trim()}${line.below === '' ? '' : `\n${line.below}`}`;
    if (rest.trim() === '') return hasText && typed?.trim() !== '' ? { kind: 'hidden' } : { kind: 'none' };
    return { kind: 'line', text, isCertain: typed === null && line.below === '' };
  }
  if (whole.trim() === '') return hasText && typed?.trim() !== '' ? { kind: 'hidden' } : { kind: 'none' };
  return { kind: 'line', text: whole.trim(), isCertain: false };
}

/** The keys and the screen say the same: there is nothing to wait for. */
export function agrees(line: ScreenLine, { prompt, typed, isFresh }: Before): boolean {
  if (isFresh) return true;
  if (typed === null) return false;
  return prompt === null || prompt.trim() === '' ? line.head.endsWith(typed) : line.head === `${prompt}${typed}`;
}

function behindPrompt(whole: string, prompt: string | null): string | null {
  const found = search.exec(whole);
  if (found !== null) return whole.slice(found[0].length);
  if (prompt === null || prompt.trim() === '' || !whole.startsWith(prompt)) return null;
  return whole.slice(prompt.length);
}

function lineOf(text: string, isCertain: boolean): Recovered {
  return text.trim() === '' ? { kind: 'none' } : { kind: 'line', text: text.trim(), isCertain };
}
