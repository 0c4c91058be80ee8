/** Median and spread of some measurements. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
}

export function spread(values: readonly number[]): Spread | null {
  const sorted = values.filter(Number.isFinite).toSorted((a, b) => a - b);
  const [min] = sorted;
  const max = sorted.at(-1);
  if (min === undefined || max === undefined) return null;
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? min;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
  return { median: round(median), min: round(min), max: round(max), runs: sorted.length };
}

/** The ratios of two candidates, round by round. */
export function pairwise(a: readonly number[] | undefined, b: readonly number[] | undefined): Spread | null {
  if (a === undefined || b === undefined) return null;
  return spread(a.map((value, i) => value / (b[i] ?? NaN)));
}

/** Runs all candidates once a round, one behind the other, so that a drifting machine cancels out of their ratios. */
export async function roundsOf(
  candidates: Readonly<Record<string, () => Promise<number>>>,
  times: number,
): Promise<Record<string, number[]>> {
  const results: Record<string, number[]> = {};
  for (let i = 0; i < times; i++) {
    for (const [label, measure] of Object.entries(candidates)) (results[label] ??= []).push(await measure());
  }
  return results;
}

export function round(value: number): number {
  return Number(value.toPrecision(4));
}
