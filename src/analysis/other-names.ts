import type { OutputColumn, StatementAnalysis } from './postgres-types.js';

/**
 * Whether names of the same text mean other objects now. The server plans a prepared statement again when what it reads
 * has changed, but not when something else comes to stand before it under its name: a temporary table, an overload.
 */
export function meansOthers(one: StatementAnalysis, other: StatementAnalysis): boolean {
  return JSON.stringify(namedBy(one)) !== JSON.stringify(namedBy(other));
}

function namedBy({ objects = [], effects }: StatementAnalysis): readonly string[] {
  const calls = effects.filter(({ action }) => action === 'callFunction');
  return [
    ...new Set([...objects.map(identityOf), ...calls.map(({ resource }) => JSON.stringify(resource.path))]),
  ].sort();
}

/** `relation public.orders (16423 r) 5f3a…` without the digest, which moves when the object itself is changed. */
function identityOf(line: string): string {
  return line.slice(0, line.lastIndexOf(')'));
}

/** Columns of the same number and names: what a client expects of a statement that it has prepared. */
export function looksAlike({ output: one }: StatementAnalysis, { output: other }: StatementAnalysis): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return one === other;
  const names = (columns: readonly OutputColumn[]): string => JSON.stringify(columns.map(({ name }) => name));
  return names(one) === names(other);
}

/** A statement of which nobody knows whether it runs as the one or as the other: all that either does and shows. */
export function eitherOf(one: StatementAnalysis, other: StatementAnalysis): StatementAnalysis {
  const copies = distinct([...(one.copies ?? []), ...(other.copies ?? [])]);
  return {
    ...other,
    effects: distinct([...one.effects, ...other.effects]),
    output: eitherOutput(one.output, other.output),
    touchesProtected: one.touchesProtected || other.touchesProtected,
    objects: distinct([...(one.objects ?? []), ...(other.objects ?? [])]),
    carries: distinct([...(one.carries ?? []), ...(other.carries ?? [])]),
    secretParameters: [...(one.secretParameters ?? []), ...(other.secretParameters ?? [])],
    ...(copies.length === 0 ? {} : { copies }),
  };
}

function eitherOutput(
  one: StatementAnalysis['output'],
  other: StatementAnalysis['output'],
): StatementAnalysis['output'] {
  if (!Array.isArray(one) || !Array.isArray(other)) return one === other ? one : 'unknown';
  if (one.length !== other.length) return 'unknown';
  return (one as readonly OutputColumn[]).map((column, index) => eitherColumn(column, other[index] as OutputColumn));
}

function eitherColumn(one: OutputColumn, other: OutputColumn): OutputColumn {
  const isSame = JSON.stringify(one.sources) === JSON.stringify(other.sources);
  return {
    name: other.name,
    sources: distinct([...one.sources, ...other.sources]),
    derived: one.derived || other.derived || !isSame,
    unknown: one.unknown || other.unknown,
  };
}

function distinct<T>(items: readonly T[]): readonly T[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()];
}
