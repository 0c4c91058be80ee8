/** Random draws that are the same for a seed, on every machine. */
export interface Draw {
  /** From `low` to `high`, both included. */
  between(low: number, high: number): number;
  pick<T>(list: readonly T[]): T;
  digits(count: number): string;
  letters(count: number): string;
  /** Text of so many characters of an alphabet. */
  from(alphabet: string, count: number): string;
}

/** Mulberry32: small, fast, and even enough for tests. */
export function createDraw(seed: number): Draw {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  const from = (alphabet: string, count: number): string =>
    Array.from({ length: count }, () => alphabet[between(0, alphabet.length - 1)] ?? '').join('');
  return {
    between,
    pick<T>(list: readonly T[]): T {
      const picked = list[between(0, list.length - 1)];
      if (picked === undefined) throw new TypeError('nothing to pick from');
      return picked;
    },
    digits: (count) => from('0123456789', count),
    letters: (count) => from('abcdefghijklmnopqrstuvwxyz', count),
    from,
  };
}
