import { systemSchemas, type Guard } from './classify.js';
import { isLeakingColumn } from './system-relations.js';
import { clearOf, derive, isTainted, unknownValue, type Field, type Value } from './value.js';

/** A column as the catalog has it. */
interface Column {
  readonly schema: string;
  readonly relation: string;
  readonly name: string;
  readonly type: string;
  readonly isClassified: boolean;
  /** Absent: the database's own, or that of all the server's names. */
  readonly collation: string | undefined;
}

/** What is known of a column's values: by its own guard, and by what the column under it (of a view, a foreign table) is. */
export function columnValue(
  { schema, relation, name, type, isClassified, collation = type === 'name' ? 'C' : '' }: Column,
  own: Guard | undefined,
  inner: Field | 'unknown' | null,
): Value {
  if (inner === 'unknown') return isClassified ? { ...unknownValue, type } : clearOf(type);
  if (inner === null) {
    if (own !== undefined) return { ...clearOf(type), ...own, collation };
    return isLeakingColumn(schema, relation, name)
      ? { ...unknownValue, type }
      : { ...clearOf(type), stored: true, collation };
  }
  if (own === undefined) return { ...inner.value, type };
  if (!isTainted(inner.value)) return { ...inner.value, ...own, type };
  // A view's column that is classified as the one it shows is still that one, unchanged.
  const isSame =
    !own.derived &&
    !inner.value.derived &&
    inner.value.sources.every((source) => own.sources.every((known) => known.class === source.class));
  return isSame ? { ...inner.value, type } : derive([inner.value, { ...clearOf(type), ...own }], type);
}

/** A catalog of which only one column is a secret is read all the time; its errors show nothing. */
export function touches(schema: string, fields: readonly Field[]): boolean {
  const tainted = fields.filter((field) => isTainted(field.value)).length;
  return systemSchemas.has(schema) ? tainted > 0 && tainted === fields.length : tainted > 0;
}
