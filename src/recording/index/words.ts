/** Longer words are known by their beginning. */
const maxWord = 64;
const maxCached = 512;
const maxCachedText = 2048;
const maxKnown = 200_000;

/** A text as the words that are indexed: letters and digits, small, without accents. Query and index use the same. */
export function wordsOf(text: string): readonly string[] {
  // oxlint-disable-next-line no-control-regex
  const plain = /^[\u0000-\u007f]*$/.test(text)
    ? (text.toLowerCase().match(/[a-z0-9]+/g) ?? [])
    : (text
        .normalize('NFD')
        .replace(/\p{M}/gu, '')
        .toLowerCase()
        .match(/[\p{L}\p{N}]+/gu) ?? []);
  return plain.some((word) => word.length > maxWord) ? plain.map((word) => word.slice(0, maxWord)) : plain;
}

/** The beginning of a word finds the whole only from here on, and never that of a number. */
export function isPrefix(word: string): boolean {
  return word.length >= 3 && !/^[0-9]/.test(word);
}

/** Splits texts for the full-text index and collects the words that the vocabulary does not have yet. */
export class WordSplitter {
  readonly #add: (word: string) => void;
  readonly #known = new Set<string>();
  readonly #cache = new Map<string, string>();

  constructor(add: (word: string) => void) {
    this.#add = add;
  }

  /** The text's words with one space between them. */
  split(text: string): string {
    if (text === '') return '';
    const cached = this.#cache.get(text);
    if (cached !== undefined) return cached;
    const words = wordsOf(text);
    for (const word of words) if (!this.#known.has(word)) this.#learn(word);
    const joined = words.join(' ');
    if (text.length <= maxCachedText) {
      if (this.#cache.size >= maxCached) this.#cache.clear();
      this.#cache.set(text, joined);
    }
    return joined;
  }

  /** What was learnt may not be on the disk: a transaction failed, or the index was emptied. */
  forget(): void {
    this.#known.clear();
    this.#cache.clear();
  }

  #learn(word: string): void {
    if (!isPrefix(word)) return;
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.add(word);
    this.#add(word);
  }
}
