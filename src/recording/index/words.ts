/** Longer words are known by their beginning. */
const maxWord = 64;

/** A text as the words that are indexed: letters and digits, small, without accents. Query and index use the same. */
export function wordsOf(text: string): readonly string[] {
  const plain = isAscii(text)
    ? (text.toLowerCase().match(/[a-z0-9]+/g) ?? [])
    : (text
        .normalize('NFD')
        .replace(/\p{M}/gu, '')
        .toLowerCase()
        .match(/[\p{L}\p{N}]+/gu) ?? []);
  return plain.some((word) => word.length > maxWord) ? plain.map(clipWord) : plain;
}

export function clipWord(word: string): string {
  return word.length > maxWord ? word.slice(0, maxWord) : word;
}

export function isAscii(text: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return /^[\u0000-\u007f]*$/.test(text);
}

/** The beginning of a word finds the whole only from here on, and never that of a number. */
export function isPrefix(word: string): boolean {
  return word.length >= 3 && !isNumber(word);
}

export function isNumber(word: string): boolean {
  const first = word.charCodeAt(0);
  return first >= 0x30 && first <= 0x39;
}
