import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Hunk, lineDiff } from '../../../src/lib/line-diff.js';

/** Applies a diff as `patch` would: what stands in the hunks must be there. */
function patch(before: readonly string[], hunks: readonly Hunk[]): readonly string[] {
  const result: string[] = [];
  let at = 0;
  for (const hunk of hunks) {
    result.push(...before.slice(at, hunk.before - 1));
    at = hunk.before - 1;
    expect(result.length).toBe(hunk.after - 1);
    for (const line of hunk.lines) {
      if (line.startsWith('+')) result.push(line.slice(1));
      else {
        expect(before[at]).toBe(line.slice(1));
        if (line.startsWith(' ')) result.push(line.slice(1));
        at++;
      }
    }
  }
  return [...result, ...before.slice(at)];
}
const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');
const changes = (hunks: readonly Hunk[]) => hunks.flatMap(({ lines }) => lines).filter((line) => !line.startsWith(' '));

it('makes the one text of the other, whatever they are', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 40 });
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const hunks = lineDiff(text(before), text(after));
      expect(patch(before, hunks)).toEqual(after);
      if (before.join() === after.join()) expect(hunks).toEqual([]);
    }),
    { numRuns: 1_000 },
  );
});

it('shows the fewest lines, three around them, and parts far apart by themselves', () => {
  const before = Array.from({ length: 30 }, (_, index) => `line ${index + 1}`);
  const after = before.toSpliced(24, 1).with(4, 'changed').toSpliced(5, 0, 'new');
  const hunks = lineDiff(text(before), text(after));
  expect(changes(hunks)).toEqual(['-line 5', '+changed', '+new', '-line 25']);
  expect(hunks.map(({ before: from, after: to, lines }) => [from, to, lines.length])).toEqual([
    [2, 2, 9],
    [22, 23, 7],
  ]);
  expect(lineDiff('', 'one\n')).toEqual([{ before: 1, after: 1, lines: ['+one'] }]);
});

it('takes what is all different as all different, without looking for long', () => {
  const before = Array.from({ length: 20_000 }, (_, index) => `a${index}`);
  const after = Array.from({ length: 20_000 }, (_, index) => `b${index}`);
  expect(changes(lineDiff(text(before), text(after)))).toHaveLength(40_000);
});
