import type { ProtectedColumn } from '../postgres-types.js';
import { isOwnName } from './builtin-types.js';

/** What is known of an expression's value: which protected columns it shows, and how. */
export interface Value {
  /** Protected columns it derives from; each column is one object in a catalog, so identity is equality. */
  readonly sources: readonly ProtectedColumn[];
  /** False when it is the one column in `sources`, unchanged. */
  readonly derived: boolean;
  /** It may hold any protected value. */
  readonly unknown: boolean;
  /** Computing it may fail or act, so whether it is computed can be told from outside (test/promises/README.md, D). */
  readonly fallible: boolean;
  /** A function of the database gave it. */
  readonly called: boolean;
  /** It holds a row: comparing it with one of other columns fails. */
  readonly rowLike: boolean;
  /** Made of a value of a type that somebody has made: where its own type is not known, it may be that. */
  readonly own: boolean;
  /** Made of a column that is not protected, which somebody may fill with guesses. */
  readonly stored: boolean;
  /** The query names a collation for it: whether it can be compared is found out with the first value. */
  readonly collated: boolean;
  /** The collation of its column where that is not the database's own; '' otherwise. */
  readonly collation: string;
  /** How much a chosen constant has magnified a protected number: overflow is an oracle too. */
  readonly scale: number;
  /** The same of how much smaller it was made: what is not nought and too small for a type does not become one of it. */
  readonly shrink: number;
  /** The type's name as written or catalogued; '' when not known. */
  readonly type: string;
  /** The columns of a composite value, where they are known. */
  readonly row: readonly Field[] | null;
  /** Constants and parameters of the client's text that it is made of. */
  readonly literals: Literals | null;
}

/** A constant by its place in the text (UTF-8 bytes), a parameter by its number. */
export interface Literal {
  readonly at: number;
  readonly kind: 'text' | 'other' | 'parameter';
}

/** A tree, so that a value of many parts copies nothing. */
export type Literals = Literal | readonly Literals[];

/** A named column of a relation or result. */
export interface Field {
  readonly name: string;
  readonly value: Value;
}

/** What a query gives: its columns in order. `open`: there are columns that could not be named. */
export interface Rows {
  readonly fields: readonly Field[];
  readonly open: boolean;
  /** They are those of a type that has a name, whose rows keep its names. */
  readonly isTyped?: boolean;
}

/** The same value, given by a function of the database. */
export function calledValue(value: Value): Value {
  if (!isTainted(value) || value.called) return value;
  const row = value.row?.map((field) => ({ ...field, value: calledValue(field.value) })) ?? null;
  return { ...value, called: true, row };
}

/** A value that derives from nothing protected. */
export const clear: Value = {
  sources: [],
  derived: false,
  unknown: false,
  fallible: false,
  called: false,
  rowLike: false,
  own: false,
  stored: false,
  collated: false,
  collation: '',
  scale: 1,
  shrink: 1,
  type: '',
  row: null,
  literals: null,
};

/** A value about which nothing is known. */
export const unknownValue: Value = { ...clear, derived: true, unknown: true, fallible: true, own: true };

/** No columns. */
export const noRows: Rows = { fields: [], open: false };

/** Says whether the value shows, or may show, anything protected. */
export function isTainted(value: Value): boolean {
  return value.unknown || value.sources.length > 0;
}

/** A clear value of a known type. */
export function clearOf(type: string): Value {
  return { ...clear, type };
}

/** The value of an expression computed from `values`. */
export function derive(values: readonly Value[], type = ''): Value {
  let sources: ProtectedColumn[] | null = null;
  let unknown = false;
  let fallible = false;
  let called = false;
  let rowLike = false;
  let own = false;
  let stored = false;
  let collated = false;
  let collation = '';
  let scale = 1;
  let shrink = 1;
  for (const value of values) {
    unknown ||= value.unknown;
    fallible ||= value.fallible;
    called ||= value.called;
    rowLike ||= value.rowLike || value.row !== null;
    stored ||= value.stored;
    own ||= value.own || isOwnName(value.type);
    collated ||= value.collated || !isOneCollation(collation, value.collation);
    if (collation === '' || isVague(value)) collation = value.collation || collation;
    scale = Math.max(scale, value.scale);
    shrink = Math.max(shrink, value.shrink);
    for (const source of value.sources) {
      sources ??= [];
      if (!sources.includes(source)) sources.push(source);
    }
  }
  const literals = joinLiterals(values);
  const isOrdinary = !fallible && !rowLike && !own && !stored && !collated && collation === '';
  if (sources === null && !unknown && isOrdinary && literals === null) return type === '' ? clear : clearOf(type);
  const derived = sources !== null || unknown;
  const flags = { derived, unknown, fallible, called, rowLike, own, stored, collated };
  return { ...flags, collation, sources: sources ?? [], scale, shrink, type, row: null, literals };
}

const isOneCollation = (one: string, other: string): boolean => one === '' || other === '' || one === other;

/** Behind the name of a collation that finds texts equal which differ: patterns and parts are not found by such. */
export const vague = '~';
export const isVague = ({ collation }: Value): boolean => collation.endsWith(vague);

/** Which of several collations is meant, or whether there is one, is found out when the first value is there. */
export function isCollationOpen(values: readonly Value[]): boolean {
  const [first, ...others] = values.filter(({ collation }) => collation !== '');
  return values.some(({ collated }) => collated) || others.some(({ collation }) => collation !== first?.collation);
}

/** The constants of all these values. */
export function joinLiterals(values: readonly Value[]): Literals | null {
  let first: Literals | null = null;
  let all: Literals[] | null = null;
  for (const { literals } of values) {
    if (literals === null || literals === first) continue;
    if (first === null) first = literals;
    else (all ??= [first]).push(literals);
  }
  return all ?? first;
}

/** The value that is one or the other: branches of a set operation, merged join columns. */
export function either(left: Value, right: Value): Value {
  if (left === right) return left;
  if (isSamePlain(left, right)) return left;
  const type = left.type === right.type ? left.type : '';
  return derive([left, right], type);
}

function isSamePlain(left: Value, right: Value): boolean {
  return (
    !left.derived &&
    !right.derived &&
    left.sources.length === 1 &&
    right.sources.length === 1 &&
    left.sources[0] === right.sources[0]
  );
}

/** The value of a whole row. */
export function rowValue(fields: readonly Field[], open: boolean, type = ''): Value {
  const all = derive(
    fields.map((field) => field.value),
    type,
  );
  const unknown = all.unknown || open;
  return { ...all, unknown, derived: all.sources.length > 0 || unknown, row: open ? null : fields };
}

/** Two results of the same width, column by column; names are the first's. Widths that differ are unknown. */
export function mergeRows(left: Rows, right: Rows): Rows {
  const open = left.open || right.open || left.fields.length !== right.fields.length;
  const fields = left.fields.map((field, index) => {
    const other = right.fields[index];
    const value =
      other === undefined || left.open || right.open
        ? { ...field.value, unknown: true, derived: true }
        : either(field.value, other.value);
    return { name: field.name, value };
  });
  return { fields, open };
}

/**
 * The same columns under other names (`AS t(a, b)`). Where some could not be named nobody knows which is the first: what
 * has a name by its place may then be any of them, and whether one still has its own name is not known either.
 */
export function renameFields({ fields, open }: Rows, names: readonly string[]): readonly Field[] {
  if (names.length === 0) return fields;
  if (!open) return fields.map((field, index) => ({ name: names[index] ?? field.name, value: field.value }));
  const oneOfThem: Value = {
    ...derive(fields.map((field) => field.value)),
    derived: true,
    unknown: true,
    fallible: true,
  };
  return names.map((name) => ({ name, value: oneOfThem }));
}
