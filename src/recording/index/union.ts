/** Up to this much larger than what it holds, a row of flags is quicker than sorting. */
const maxSparse = 16;

/** Ascending, each once. */
export function unionOf(slices: readonly (readonly number[])[]): readonly number[] {
  const [only, second] = slices;
  if (only !== undefined && second === undefined && isAscending(only)) return only;
  let count = 0;
  let least = Infinity;
  let most = -1;
  for (const slice of slices) {
    count += slice.length;
    for (const operation of slice) {
      if (operation < least) least = operation;
      if (operation > most) most = operation;
    }
  }
  if (count === 0) return [];
  const span = most - least + 1;
  if (span > count * maxSparse) return sorted(slices, count);
  const flags = new Uint8Array(span);
  for (const slice of slices) for (const operation of slice) flags[operation - least] = 1;
  const union: number[] = [];
  for (let index = 0; index < span; index++) if (flags[index] === 1) union.push(least + index);
  return union;
}

function sorted(slices: readonly (readonly number[])[], count: number): readonly number[] {
  const all = new Int32Array(count);
  let at = 0;
  for (const slice of slices) for (const operation of slice) all[at++] = operation;
  all.sort();
  const union: number[] = [];
  for (const operation of all) if (operation !== union.at(-1)) union.push(operation);
  return union;
}

function isAscending(operations: readonly number[]): boolean {
  for (let index = 1; index < operations.length; index++) {
    if ((operations[index] ?? 0) <= (operations[index - 1] ?? 0)) return false;
  }
  return true;
}
