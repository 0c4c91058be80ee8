import type { Context } from './context.js';
import { covers, noteWritten } from './copies.js';
import type { Relation } from './relation.js';
import type { Source } from './scope.js';
import { derive, isTainted, unknownValue, type Field, type Rows, type Value } from './value.js';

/** What a statement writes to a column; null: to one that is not known. */
export interface Put {
  readonly column: string | null;
  readonly value: Value;
}

/** What rows write to these columns; none named means the table's own in order. */
export function putsOf(relation: Relation | null, names: readonly string[], rows: Rows): readonly Put[] {
  if (rows.open) return [{ column: null, value: unknownValue }];
  return rows.fields.map(({ value }, index) => ({
    column: (names.length === 0 ? relation?.fields[index]?.name : names[index]) ?? null,
    value,
  }));
}

/**
 * The written relation as RETURNING sees it: its columns show what has just been written to them, generated ones what they
 * are computed from. What is written through a view or a foreign table may come back in any column.
 */
export function asWritten(ctx: Context, target: Source, puts: readonly Put[]): Source {
  const tainted = puts.filter(({ value }) => isTainted(value));
  if (tainted.length === 0) return target;
  const { relation } = target;
  if (relation === null || (relation.kind !== 'r' && relation.kind !== 'p')) {
    const values = tainted.map(({ value }) => value);
    return { ...target, fields: target.fields.map((field) => derivedFrom(field, values)) };
  }
  const fields = target.fields.map((field) => {
    const values = tainted.flatMap(({ column, value }) => (column === null || column === field.name ? [value] : []));
    const [only] = values;
    if (only === undefined || values.every((value) => covers(field.value, value))) return field;
    if (values.length > 1 || isTainted(field.value)) return derivedFrom(field, values);
    return { ...field, value: { ...only, type: field.value.type, literals: null } };
  });
  for (const { attnum, value } of ctx.catalog.generated(relation.oid, fields)) {
    const index = relation.attnums.indexOf(attnum);
    const field = fields[index];
    if (field === undefined || !isTainted(value)) continue;
    fields[index] = derivedFrom(field, [value]);
    // It stays when the functions that have computed it become others.
    noteWritten(ctx, { schema: relation.schema, name: relation.name, relation }, field.name, {
      ...value,
      derived: true,
    });
  }
  return { ...target, fields };
}

function derivedFrom(field: Field, values: readonly Value[]): Field {
  return { ...field, value: { ...derive([field.value, ...values], field.value.type), derived: true } };
}
