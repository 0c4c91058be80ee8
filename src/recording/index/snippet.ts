import { isPrefix, wordsOf } from './words.js';
import type { ParsedQuery } from './query.js';

const wordsAround = 8;
const maxSnippet = 240;

interface Piece {
  readonly text: string;
  readonly hit: boolean;
}
interface Found {
  readonly pieces: readonly Piece[];
  /** Different words that hit. */
  readonly words: number;
}

/** The beginning of a long text is enough to look at: what is shown is short. */
const maxLooked = 16 * 1024;
const maxRemembered = 4096;

/** Makes the snippets of one search. Words and texts come again from match to match, so what was found is remembered. */
export class SnippetMaker {
  readonly #wanted: readonly { readonly word: string; readonly open: boolean }[];
  readonly #hits = new Map<string, boolean>();
  readonly #found = new Map<string, Found>();

  constructor(query: ParsedQuery) {
    this.#wanted = query.terms.flatMap((term) =>
      term.mark === null
        ? term.words.map((word, index) => ({ word, open: term.open && index === term.words.length - 1 }))
        : [],
    );
  }

  /**
   * The place that matched, with « » around the words. Of several texts, the first that holds the most of the words is
   * shown: what was run, before who ran it.
   */
  of(texts: readonly (string | null)[]): string {
    const most = new Set(this.#wanted.map(({ word }) => word)).size;
    let best: Found | null = null;
    for (const text of texts) {
      if (text === null || text === '') continue;
      const found = this.#find(text);
      if (best === null || found.words > best.words) best = found;
      if (best.words >= most) break;
    }
    return best === null ? '' : cut(best.pieces);
  }

  #find(text: string): Found {
    let found = this.#found.get(text);
    if (found !== undefined) return found;
    const pieces: Piece[] = [];
    const words = new Set<string>();
    for (const [piece] of text.slice(0, maxLooked).matchAll(/[\p{L}\p{N}\p{M}]+|[^\p{L}\p{N}\p{M}]+/gu)) {
      const hit = this.#isHit(piece);
      if (hit) for (const word of wordsOf(piece)) words.add(word);
      pieces.push({ text: piece, hit });
    }
    found = { pieces, words: words.size };
    if (this.#found.size >= maxRemembered) this.#found.clear();
    this.#found.set(text, found);
    return found;
  }

  #isHit(piece: string): boolean {
    let hit = this.#hits.get(piece);
    if (hit === undefined) {
      hit = wordsOf(piece).some((found) =>
        this.#wanted.some(({ word, open }) => found === word || (open && isPrefix(word) && found.startsWith(word))),
      );
      if (this.#hits.size >= maxRemembered) this.#hits.clear();
      this.#hits.set(piece, hit);
    }
    return hit;
  }
}

function cut(pieces: readonly Piece[]): string {
  const first = Math.max(0, pieces.findIndex(({ hit }) => hit) - wordsAround);
  let text = first > 0 ? '…' : '';
  for (const [index, piece] of pieces.entries()) {
    if (index < first) continue;
    if (text.length + piece.text.length > maxSnippet) return `${text}…`;
    text += piece.hit ? `«${piece.text}»` : piece.text.replace(/\s+/g, ' ');
  }
  return text.trim();
}
