import type { Context } from './context.js';
import { isTainted, rowValue, type Value } from './value.js';

/** What information_schema's views, and queries made after them, call for the type of a column. */
const typeReaders = new Set(['_pg_truetypid', '_pg_truetypmod']);

/**
 * These are given whole rows of pg_attribute, and look at nothing in them that may show a value (attmissingval). Rows of
 * that type that were made of anything else are another array of fields.
 */
export function asRead(ctx: Context, name: string, values: readonly Value[]): readonly Value[] {
  if (!typeReaders.has(name)) return values;
  const fields = ctx.catalog.relation('pg_catalog', 'pg_attribute')?.fields;
  return values.map((value) =>
    fields !== undefined && value.row === fields && value.sources.length === 0
      ? rowValue(
          fields.filter((field) => !isTainted(field.value)),
          false,
          value.type,
        )
      : value,
  );
}
