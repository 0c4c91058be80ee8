/** A part of two texts that differs, with a few lines around it that do not. */
export interface Hunk {
  /** First line of it in each text, counted from 1. */
  readonly before: number;
  readonly after: number;
  /** Each line behind ` `, `-` or `+`. */
  readonly lines: readonly string[];
}

const context = 3;
/** Beyond so many differing lines the shortest way costs more than it tells. */
const maxEdits = 500;

type Edit = ' ' | '-' | '+';

/** The differences between two texts, line by line, the fewest there are (Myers, "An O(ND) Difference Algorithm"). */
export function lineDiff(before: string, after: string): readonly Hunk[] {
  const [old, now] = [linesOf(before), linesOf(after)];
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start++;
  let [oldEnd, nowEnd] = [old.length, now.length];
  while (oldEnd > start && nowEnd > start && old[oldEnd - 1] === now[nowEnd - 1]) {
    oldEnd--;
    nowEnd--;
  }
  const middle = editsBetween(old.slice(start, oldEnd), now.slice(start, nowEnd));
  const same = (count: number): Edit[] => Array.from({ length: count }, () => ' ');
  return hunksOf([...same(start), ...middle, ...same(old.length - oldEnd)], old, now);
}

function linesOf(text: string): readonly string[] {
  if (text === '') return [];
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function editsBetween(old: readonly string[], now: readonly string[]): readonly Edit[] {
  const rounds: Map<number, number>[] = [];
  let furthest = new Map<number, number>([[1, 0]]);
  for (let edits = 0; edits <= Math.min(old.length + now.length, maxEdits); edits++) {
    rounds.push(new Map(furthest));
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = startOf(furthest, diagonal, edits);
      while (x < old.length && x - diagonal < now.length && old[x] === now[x - diagonal]) x++;
      furthest.set(diagonal, x);
      if (x >= old.length && x - diagonal >= now.length) return backtrack(rounds, old.length, now.length);
    }
    furthest = new Map(furthest);
  }
  return [...old.map((): Edit => '-'), ...now.map((): Edit => '+')];
}

/** Where a diagonal begins in this round: one down from the diagonal above, or one right from that below. */
function startOf(furthest: ReadonlyMap<number, number>, diagonal: number, edits: number): number {
  const [below, above] = [furthest.get(diagonal - 1) ?? -1, furthest.get(diagonal + 1) ?? -1];
  return diagonal === -edits || (diagonal !== edits && below < above) ? above : below + 1;
}

function backtrack(rounds: readonly ReadonlyMap<number, number>[], width: number, height: number): readonly Edit[] {
  const edits: Edit[] = [];
  let [x, y] = [width, height];
  for (let round = rounds.length - 1; round >= 0; round--) {
    const furthest = rounds[round] ?? new Map<number, number>();
    const diagonal = x - y;
    const begin = startOf(furthest, diagonal, round);
    while (x > begin && y > begin - diagonal) {
      edits.push(' ');
      [x, y] = [x - 1, y - 1];
    }
    if (round === 0) break;
    const isDown = begin === (furthest.get(diagonal + 1) ?? -1) && (diagonal === -round || isAbove(furthest, diagonal));
    edits.push(isDown ? '+' : '-');
    if (isDown) y--;
    else x--;
  }
  return edits.toReversed();
}

function isAbove(furthest: ReadonlyMap<number, number>, diagonal: number): boolean {
  return (furthest.get(diagonal - 1) ?? -1) < (furthest.get(diagonal + 1) ?? -1);
}

function hunksOf(edits: readonly Edit[], old: readonly string[], now: readonly string[]): readonly Hunk[] {
  const hunks: { before: number; after: number; lines: string[]; idle: number }[] = [];
  let [x, y] = [0, 0];
  for (const [at, edit] of edits.entries()) {
    const isNear = edits.slice(Math.max(0, at - context), at + context + 1).some((one) => one !== ' ');
    if (isNear) {
      let hunk = hunks.at(-1);
      if (hunk === undefined || hunk.idle > 0) hunks.push((hunk = { before: x + 1, after: y + 1, lines: [], idle: 0 }));
      hunk.lines.push(`${edit}${(edit === '+' ? now[y] : old[x]) ?? ''}`);
    } else {
      const hunk = hunks.at(-1);
      if (hunk !== undefined) hunk.idle++;
    }
    if (edit !== '+') x++;
    if (edit !== '-') y++;
  }
  return hunks.map(({ before, after, lines }) => ({ before, after, lines }));
}
