import type { FromItem } from './scope.js';
import { either, unknownValue, type Field, type Value } from './value.js';

/** A join and the values its USING or NATURAL compares. */
export interface Joined {
  readonly item: FromItem;
  readonly compared: readonly Value[];
}

/** Columns of `left JOIN right`: merged ones first, then the rest of the left, then of the right. PostgreSQL 7.2.1.1. */
export function joinItems(left: FromItem, right: FromItem, using: readonly string[] | 'natural'): Joined {
  const open = left.open || right.open;
  const names = using === 'natural' ? commonNames(left.columns, right.columns) : using;
  const merged: Field[] = [];
  const compared: Value[] = [];
  for (const name of names) {
    const first = valueOf(left, name);
    const second = valueOf(right, name);
    compared.push(first, second);
    merged.push({ name, value: either(first, second) });
  }
  // A natural join with an unknown relation compares columns that cannot be named.
  if (using === 'natural' && open)
    compared.push(...left.columns.map((field) => field.value), ...right.columns.map((field) => field.value));
  const rest = (item: FromItem): readonly Field[] => item.columns.filter((field) => !names.includes(field.name));
  const columns = [...merged, ...rest(left), ...rest(right)];
  return { item: { columns, open, sources: [...left.sources, ...right.sources] }, compared };
}

function commonNames(left: readonly Field[], right: readonly Field[]): readonly string[] {
  const names = new Set(right.map((field) => field.name));
  return left.map((field) => field.name).filter((name) => names.has(name));
}

function valueOf(item: FromItem, name: string): Value {
  return item.columns.find((field) => field.name === name)?.value ?? unknownValue;
}
