import { isOwnName } from './builtin-types.js';
import type { Value } from './value.js';

const makers =
  /^(to_jsonb?|row_to_json|array_to_json|jsonb?_(agg|object_agg)(_unique)?(_strict)?|jsonb?_build_(object|array))$/;

/** Says whether a function of the server's makes JSON of values of any type. */
export function makesJson(name: string): boolean {
  return makers.test(name);
}

/** Says whether a value is, or may hold, one of a type that somebody has made. */
export function mayBeOwnType(value: Value): boolean {
  if (value.row !== null) return value.row.some((field) => mayBeOwnType(field.value));
  return value.type === '' || value.type.startsWith('record') || isOwnName(value.type);
}
