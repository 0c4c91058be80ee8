import { bodyOf, constantOf, list, namesOf } from './ast.js';
import { isCollationOpen, isTainted, isVague, type Value } from './value.js';

/*
 * Which calls of the server's own functions give a value whatever a protected argument is. Where a call can fail, whether
 * it does is an oracle that reads the value bit by bit (test/promises/README.md, D): `substr(nullif(left(ssn, 1), 'Q'), 1, -1)`
 * fails for everybody but one, since null is passed by. So a value that was computed goes only where nothing can fail; one
 * that is as it is stored may also go where every value fails alike.
 */

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** A call as it is written; arguments by place. */
export interface Call {
  readonly name: string;
  readonly values: readonly Value[];
  readonly nodes: readonly unknown[];
}

/** Total in every argument. */
const total = words(`
  lower upper initcap length char_length character_length octet_length bit_length concat concat_ws reverse btrim ltrim
  rtrim trim md5 sha224 sha256 sha384 sha512 crc32 crc32c quote_literal quote_ident quote_nullable ascii left right
  translate num_nulls num_nonnulls row_to_json to_json to_jsonb json_build_array jsonb_build_array string_agg json_agg
  jsonb_agg json_agg_strict jsonb_agg_strict xmlagg min max count sum avg bool_and bool_or every any_value abs ceil ceiling
  floor sign round trunc array_to_string array_length array_upper array_lower array_ndims array_dims cardinality
  array_to_json jsonb_strip_nulls json_strip_nulls jsonb_pretty json_typeof jsonb_typeof jsonb_exists json_extract_path
  json_extract_path_text jsonb_extract_path jsonb_extract_path_text json_object_field json_object_field_text lag lead
  first_value last_value nth_value row_number rank dense_rank percent_rank cume_dist mode stddev stddev_samp stddev_pop
  variance var_samp var_pop xmltext to_bin to_oct uuid_extract_version uuid_extract_timestamp hashtext hashtextextended pg_typeof pg_column_size isfinite strip texteq textne
`);
/** Of these arguments the first says where or how much; a protected one fails, or is a path. */
const firstOnly = words(
  'json_extract_path json_extract_path_text jsonb_extract_path jsonb_extract_path_text json_object_field json_object_field_text jsonb_exists nth_value left right round trunc',
);
const bits = words('bit_and bit_or bit_xor');
const arrays = words(
  'array_append array_prepend array_position array_positions array_remove array_replace array_reverse array_sort array_shuffle',
);
const fields = words('year month day quarter century decade millennium epoch');
const integers = words('smallint int2 integer int4 int bigint int8');

type Check = (call: Call, position: number) => boolean;

const text = (node: unknown): string | null => {
  const value = constantOf(node);
  return typeof value === 'string' ? value : null;
};
const integer = (node: unknown): number | null => {
  const minus = bodyOf(node, 'A_Expr');
  if (minus !== null && minus['lexpr'] === undefined && namesOf(list(minus, 'name'))[0] === '-') {
    const inner = integer(minus['rexpr']);
    return inner === null ? null : -inner;
  }
  const value = constantOf(node);
  return typeof value === 'number' && Number.isInteger(value) ? value : null;
};
const within = (node: unknown, least: number, most: number): boolean => {
  const value = integer(node);
  return value !== null && value >= least && value <= most;
};

const plainPattern = /^\^?((\[\^?(a-z|A-Z|0-9|[\w@. ])+\]|\\[dwsDWS]|[\w@ ,;:=<>&%#"'/~!.-])[*+?]?)*\$?$/;
/** A regular expression that surely compiles: words, anchors, dots, simple classes, and single repetitions behind them. */
export function isPlainPattern(node: unknown): boolean {
  const pattern = text(node);
  return pattern !== null && pattern.length <= 200 && plainPattern.test(pattern);
}

/** A replacement that cannot make a value grow without end when it is done again and again. */
const isSmall = (node: unknown, most: number): boolean => {
  const value = text(node);
  return value !== null && value.length <= most && !value.includes('\\');
};

/** What must hold for a protected first argument that was computed: the others are constants with which nothing fails. */
const computed: Readonly<Record<string, Check>> = {
  substr: ({ nodes }) => isPart(nodes),
  substring: ({ nodes }) => isPart(nodes) || (nodes.length === 2 && isPlainPattern(nodes[1])),
  split_part: ({ nodes }) => text(nodes[1]) !== null && (within(nodes[2], 1, 1000) || within(nodes[2], -1000, -1)),
  overlay: ({ nodes }) =>
    isSmall(nodes[1], 100) && within(nodes[2], 1, 10_000) && (nodes.length < 4 || within(nodes[3], 0, 10_000)),
  strpos: ({ nodes }) => text(nodes[1]) !== null,
  position: ({ nodes }) => text(nodes[1]) !== null,
  starts_with: ({ nodes }) => text(nodes[1]) !== null,
  replace: ({ nodes }) => isSmall(nodes[2], text(nodes[1])?.length ?? -1),
  regexp_replace: ({ nodes }) =>
    isPlainPattern(nodes[1]) &&
    (nodes.length === 3 ? isSmall(nodes[2], 100) : isSmall(nodes[2], 0) && /^[gi]*$/.test(text(nodes[3]) ?? '-')),
  regexp_match: ({ nodes }) => nodes.length === 2 && isPlainPattern(nodes[1]),
  regexp_count: ({ nodes }) => nodes.length === 2 && isPlainPattern(nodes[1]),
  regexp_instr: ({ nodes }) => nodes.length === 2 && isPlainPattern(nodes[1]),
  regexp_like: ({ nodes }) => nodes.length === 2 && isPlainPattern(nodes[1]),
  regexp_substr: ({ nodes }) => nodes.length === 2 && isPlainPattern(nodes[1]),
  to_char: ({ nodes }) =>
    /^((YYYY|YY|MM|DD|HH24|HH12|HH|MI|SS|MS|US|[-/:. ])*|(FM)?[09,]+(\.[09]*)?)$/.test(text(nodes[1]) ?? '?'),
  encode: ({ nodes }) => /^(hex|base64|escape)$/.test(text(nodes[1]) ?? ''),
  timezone: ({ nodes }) => /^(UTC|GMT)$/i.test(text(nodes[0]) ?? ''),
  extract: isField,
  date_part: isField,
  date_trunc: (call, position) => isField(call, position) && text(call.nodes[0]) !== 'epoch',
};

function isPart(nodes: readonly unknown[]): boolean {
  return integer(nodes[1]) !== null && (nodes.length < 3 || within(nodes[2], 0, 2 ** 30)) && nodes.length < 4;
}

function isField({ nodes, values }: Call, position: number): boolean {
  return (
    fields.has((text(nodes[0]) ?? '').toLowerCase()) && !/^time(tz)?( with|\(|$)/.test(values[position]?.type ?? '')
  );
}

/** Functions whose protected argument is not the first. */
const second = words('extract date_part date_trunc timezone to_tsvector array_prepend');
/** A value as it is stored fails here like any other, so that nothing shows. */
const storedOnly = words('to_tsvector array_cat casefold unicode_assigned');

/**
 * Says whether an argument of the server's own function may be protected without the call's failure telling something of
 * it.
 */
export function mayTake(call: Call, position: number): boolean {
  const { name, values, nodes } = call;
  const value = values[position];
  if (value === undefined) return false;
  if (value.derived && isCollationOpen(values)) return false;
  if (value.derived && values.some(isVague) && !total.has(name)) return false;
  if (total.has(name)) return !firstOnly.has(name) || position === 0;
  if (bits.has(name)) return integers.has(value.type);
  if (name === 'nullif') return true;
  // The form without a limit: with one, what is longer is an error.
  if (name === 'bpchar' || name === 'varchar' || name === 'text' || name === 'name') return values.length === 1;
  if (name === 'age') return values.length === 1 || !value.derived || values.every(isTainted);
  if (name === 'array_agg') return !value.derived || isScalar(value.type);
  if (name === 'percentile_cont' || name === 'percentile_disc') return position > 0;
  // A null key is an error, so keys must not depend on protected values; the values may.
  if (name === 'json_build_object' || name === 'jsonb_build_object') return position % 2 === 1;
  if (name === 'format') return position > 0 && formatOf(nodes[0]) !== null;
  if (arrays.has(name)) return mayTakeArray(call, position);
  if (name === 'lpad' || name === 'rpad') return position === 0 && within(nodes[1], -1, 10_000);
  // What it is written in may lack its letters.
  if (name === 'convert_to') return position === 0 && /^utf-?8$/i.test(text(nodes[1]) ?? '');
  if (name === 'replace' && !value.derived && position === 0)
    return (text(nodes[2]) ?? 'x'.repeat(1001)).length <= 1000;
  if (storedOnly.has(name)) return !value.derived && (second.has(name) ? position === nodes.length - 1 : true);
  const check = Object.hasOwn(computed, name) ? computed[name] : undefined;
  if (check === undefined || position !== (second.has(name) ? 1 : 0)) return false;
  return !value.derived || check(call, position);
}

/** The argument that may be an array at will. As the element to be added an array fails, and a computed value may be one. */
function mayTakeArray({ name, values }: Call, position: number): boolean {
  if (position !== (name === 'array_prepend' ? 1 : 0)) return true;
  const value = values[position];
  return value !== undefined && (!value.derived || value.type.endsWith('[]'));
}

const isScalar = (type: string): boolean => type !== '' && !type.endsWith('[]');

/** `%I` fails on null and `*` takes a width from an argument: both show something of what is formatted. */
function formatOf(node: unknown): string | null {
  const pattern = text(node);
  return pattern !== null && !/%[^%s]*[I*]/.test(pattern) ? pattern : null;
}

/** Says whether a call can fail, or act, for some argument: then whether it is computed can be told. */
export function canFail({ name, values, nodes }: Call): boolean {
  if (isCollationOpen(values)) return true;
  if (total.has(name) && !firstOnly.has(name)) return false;
  if (name === 'left' || name === 'right') return false;
  if (name === 'format') {
    const pattern = text(nodes[0]) ?? '%?';
    return !/^([^%]|%%|%s|%L)*$/.test(pattern) || pattern.split(/%[sL]/).length > nodes.length;
  }
  if (name === 'array_agg') return false;
  const check = Object.hasOwn(computed, name) ? computed[name] : undefined;
  return check === undefined || !check({ name, values, nodes }, second.has(name) ? 1 : 0);
}
