import { wordsOf } from './words.js';
import type { ParsedQuery } from './query.js';

const wordsAround = 8;
const maxSnippet = 240;

/**
 * The place that matched, with « » around the words. Of several texts, the first that holds the most of the words is
 * shown: what was run, before who ran it.
 */
export function snippetOf(texts: readonly (string | null)[], query: ParsedQuery): string {
  const wanted = query.terms.flatMap((term) =>
    term.mark === null
      ? term.words.map((word, index) => ({ word, open: term.open && index === term.words.length - 1 }))
      : [],
  );
  const isHit = (text: string): boolean =>
    wordsOf(text).some((found) => wanted.some(({ word, open }) => found === word || (open && found.startsWith(word))));
  let best: { readonly pieces: readonly Piece[]; readonly distinct: number } | null = null;
  for (const text of texts) {
    if (text === null || text === '') continue;
    const pieces = piecesOf(text, isHit);
    const distinct = new Set(pieces.filter(({ hit }) => hit).flatMap(({ text: word }) => wordsOf(word))).size;
    if (best === null || distinct > best.distinct) best = { pieces, distinct };
  }
  return best === null ? '' : cut(best.pieces);
}

interface Piece {
  readonly text: string;
  readonly hit: boolean;
}

/** The beginning of a long text is enough to look at: what is shown is short. */
const maxLooked = 16 * 1024;

function piecesOf(text: string, isHit: (word: string) => boolean): readonly Piece[] {
  const pieces: Piece[] = [];
  for (const [piece] of text.slice(0, maxLooked).matchAll(/[\p{L}\p{N}\p{M}]+|[^\p{L}\p{N}\p{M}]+/gu)) {
    pieces.push({ text: piece, hit: /[\p{L}\p{N}]/u.test(piece) && isHit(piece) });
  }
  return pieces;
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
