/** Something wrong with a bundle, where it is, and what may help. Lines and columns count from 1. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly hint: string | null;
}

/** What the checks of one file add to; keeps the file's name and turns offsets into lines. */
export class ProblemList {
  readonly #problems: Problem[] = [];

  add(severity: Problem['severity'], file: string, at: Place, message: string, hint: string | null = null): void {
    if (this.#problems.length >= maxProblems) return;
    this.#problems.push({ severity, file, line: at.line, column: at.column, message, hint });
  }

  get all(): readonly Problem[] {
    return [...this.#problems].sort(byPlace);
  }

  get hasErrors(): boolean {
    return this.#problems.some((problem) => problem.severity === 'error');
  }
}

/** The order in which problems are told: by file, line and column. */
export function byPlace(a: Problem, b: Problem): number {
  return compare(a.file, b.file) || a.line - b.line || a.column - b.column || compare(a.severity, b.severity);
}

/** More than anyone reads: a file of another kind altogether must not make a giant answer. */
const maxProblems = 200;

export interface Place {
  readonly line: number;
  readonly column: number;
}

export const fileStart: Place = { line: 1, column: 1 };

/** The place of a UTF-16 offset in a text. */
export function placeAt(text: string, offset: number): Place {
  let line = 1;
  let lineStart = 0;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
    line += 1;
    lineStart = at + 1;
  }
  return { line, column: Math.max(0, offset - lineStart) + 1 };
}

/** The nearest of the known words, or null when none is near. */
export function nearest(word: string, known: Iterable<string>): string | null {
  const folded = word.toLowerCase();
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.min(3, Math.floor(word.length / 3))) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(folded, candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `did you mean "x"?` for the nearest of the known words; otherwise lists them when they are few. */
export function suggest(word: string, known: Iterable<string>): string | null {
  const words = [...known];
  const near = nearest(word.slice(0, 100), words);
  if (near !== null) return `did you mean "${near}"?`;
  return words.length > 0 && words.length <= 20 ? `known: ${words.join(', ')}` : null;
}

/** Edit distance in which swapping two neighbours counts as one edit (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
