import type { Value } from './value.js';

/** Names that SQL has for the type that the catalog calls otherwise. */
const identical: Readonly<Record<string, string>> = {
  int2: 'smallint',
  int: 'integer',
  int4: 'integer',
  int8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  bool: 'boolean',
  varchar: 'character varying',
  bpchar: 'character',
  varbit: 'bit varying',
  timestamptz: 'timestamp with time zone',
  timestamp: 'timestamp without time zone',
  timetz: 'time with time zone',
  time: 'time without time zone',
};

/** A type's own name: without its schema, its limit, its quotes, and without the brackets of an array. */
export function baseName(type: string): string {
  const plain = type.replace(/(\[\])+$/, '').replace(/\([^)]*\)/, '');
  const name = plain.replace(/^.*\./, '');
  return name.replace(/^"(.*)"$/, '$1').replaceAll('""', '"');
}

const nameOf = (type: string): string => {
  const name = baseName(type);
  return Object.hasOwn(identical, name) ? (identical[name] ?? name) : name;
};

/** Says whether these are two names of one type, arrays and what they are made of being alike. */
export function isSameType(one: string, other: string): boolean {
  return nameOf(one) === nameOf(other);
}

/** Says whether a value is, or may be, of this type. A constant in quotes is of none yet. */
export function mayBeOf(value: Value, type: string): boolean {
  if (value.type === 'unknown') return false;
  return value.type === '' || value.row !== null || isSameType(value.type, type);
}
