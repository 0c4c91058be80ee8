/**
 * Names that read as others: letters of several scripts in one word, letters of another script that all look Latin,
 * letters in another form (full width, mathematical), marks beside the letter that has them built in. After Unicode's
 * UTS 39 (mixed-script and whole-script confusables). What is found is shown to people, never judged by.
 */

/** A word that may be taken for another one. */
export interface LookAlike {
  readonly word: string;
  /** What it may be taken for, where that is known. */
  readonly readsAs: string | null;
  /** The letters that make it so, as U+043E, each once. */
  readonly letters: readonly string[];
}

const words = /[\p{L}\p{M}\p{N}_$]+/gu;
/** Without one there is nothing to look at, as in almost every statement. */
const foreign = /[^\p{ASCII}]/u;
const maxFound = 20;
const scripts = [
  ['Latin', /\p{Script=Latin}/u],
  ['Cyrillic', /\p{Script=Cyrillic}/u],
  ['Greek', /\p{Script=Greek}/u],
  // Written with Latin letters every day, and like none of them.
  ['', /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Hangul}]/u],
  ['', /[\p{Script=Common}\p{Script=Inherited}]/u],
] as const;

/** Letters that cannot be told from a Latin one in common fonts (UTS 39, confusables.txt, the part that people meet). */
const latinOf: ReadonlyMap<string, string> = new Map(
  (
    [
      ['аɑαА Α Ꭺ', 'a'],
      ['ВΒᏴ', 'b'],
      ['сϲСϹᏟ', 'c'],
      ['ԁᏧᎠ', 'd'],
      ['еҽЕΕᎬ', 'e'],
      ['ɡցᏀ', 'g'],
      ['һհНΗᎻ', 'h'],
      ['іιɩІΙӏᎥ', 'i'],
      ['јϳյЈᎫ', 'j'],
      ['кκКΚᏦ', 'k'],
      ['ⅼᏞ', 'l'],
      ['МΜᎷ', 'm'],
      ['ոηΝ', 'n'],
      ['оοօОΟՕ', 'o'],
      ['рρРΡᏢ', 'p'],
      ['ԛզԚ', 'q'],
      ['ѕЅᏚՏ', 's'],
      ['ТτΤᎢ', 't'],
      ['սυՍ', 'u'],
      ['νѵѴᏙ', 'v'],
      ['ԝωԜᏔ', 'w'],
      ['хχХΧ', 'x'],
      ['уγүУΥҮ', 'y'],
      ['ΖᏃ', 'z'],
    ] as const
  ).flatMap(([letters, latin]) => [...letters.replaceAll(' ', '')].map((letter) => [letter, latin] as const)),
);

/** The words of a text that read as others; each once, the first few. */
export function lookAlikes(text: string): readonly LookAlike[] {
  if (!foreign.test(text)) return [];
  const known = wordsOf(text);
  const found = new Map<string, LookAlike>();
  for (const [word] of text.matchAll(words)) {
    if (found.size >= maxFound || found.has(word)) continue;
    const letters = strangeIn(word, known);
    if (letters.size === 0) continue;
    found.set(word, { word, readsAs: readingOf(word), letters: [...letters].map(codePoint) });
  }
  return [...found.values()];
}

/** The text with the letters that make a word read as another one as `\u{43e}`, so that it reads as none. */
export function markLookAlikes(text: string): string {
  if (!foreign.test(text)) return text;
  const known = wordsOf(text);
  return text.replaceAll(words, (word) => {
    const letters = strangeIn(word, known);
    if (letters.size === 0) return word;
    return [...word].map((letter) => (letters.has(letter) ? `\\u{${hex(letter)}}` : letter)).join('');
  });
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(Array.from(text.matchAll(words), ([word]) => word.toLowerCase()));
}

/**
 * The letters of a word that make it read as another; none in a word of one script that looks like itself. One letter
 * alone is a word in some languages: it counts where its double stands in the text (`known`) too.
 */
function strangeIn(word: string, known: ReadonlySet<string>): ReadonlySet<string> {
  if (!foreign.test(word)) return new Set();
  const letters = [...word];
  const composed = word.normalize('NFC') !== word ? letters.filter((letter) => /\p{M}/u.test(letter)) : [];
  const forms = letters.filter((letter) => /\p{L}/u.test(letter) && isOtherForm(letter));
  const plain = letters.filter((letter) => /\p{L}/u.test(letter) && !isOtherForm(letter));
  const used = new Set(plain.map(scriptOf).filter((script) => script !== ''));
  const first = used.has('Latin') ? 'Latin' : [...used][0];
  const mixed = used.size > 1 ? plain.filter((letter) => !['', first].includes(scriptOf(letter))) : [];
  const within = plain.filter((letter) => scriptOf(letter) === 'Latin' && latinOf.has(letter));
  const isWhole = used.size === 1 && first !== 'Latin' && plain.every((letter) => latinOf.has(letter));
  const whole = isWhole && (letters.length > 1 || known.has(readingOf(word) ?? '')) ? plain : [];
  return new Set([...composed, ...forms, ...mixed, ...within, ...whole]);
}

/** A letter of ASCII in another form: 𝐨, ｏ, ﬁ. */
function isOtherForm(letter: string): boolean {
  return letter.codePointAt(0) !== undefined && foreign.test(letter) && /^[A-Za-z]+$/.test(letter.normalize('NFKC'));
}

/** The script of a letter, '' for those that go with any; what is in no list is a script of its own kind. */
function scriptOf(letter: string): string {
  return scripts.find(([, pattern]) => pattern.test(letter))?.[0] ?? 'other';
}

function readingOf(word: string): string | null {
  const reading = [...word.normalize('NFKC')].map((letter) => latinOf.get(letter) ?? letter).join('');
  return foreign.test(reading) || reading === word ? null : reading;
}

const hex = (letter: string): string => (letter.codePointAt(0) ?? 0).toString(16);
const codePoint = (letter: string): string => `U+${hex(letter).toUpperCase().padStart(4, '0')}`;
