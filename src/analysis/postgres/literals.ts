import type { ProtectedColumn } from '../postgres-types.js';
import { child, number, tagged, type Body } from './ast.js';
import type { Context } from './context.js';
import { isTainted, joinLiterals, type Literal, type Literals, type Value } from './value.js';

/** Which constants count: every one, or those that could be a value and not a position or a length. */
export type Which = 'all' | 'texts';

/** A_Const: a constant of the client's own text; NULL says nothing. */
export function literalOf(ctx: Context, body: Body): Literals | null {
  if (!isOwnText(ctx)) return null;
  const at = number(body, 'location');
  const old = tagged(body['val'])?.tag ?? '';
  if (at <= 0 || body['isnull'] === true || old === 'Null') return null;
  return { at, kind: child(body, 'sval') !== null || old === 'String' ? 'text' : 'other' };
}

/** ParamRef: a value that the client sends beside its text. */
export function parameterOf(ctx: Context, position: number): Literals | null {
  return isOwnText(ctx) && position > 0 ? { at: position, kind: 'parameter' } : null;
}

/** Bodies of views and functions have texts of their own, whose places mean nothing in the client's. */
function isOwnText(ctx: Context): boolean {
  return ctx.catalog.isClassified && ctx.text !== '' && ctx.calls.length === 0;
}

/**
 * Values meet: a constant that is compared with a protected column says what somebody thinks stands there, so it is
 * shown to others like what stands there.
 */
export function noteMeeting(ctx: Context, values: readonly Value[], which: Which = 'all'): void {
  if (!values.some(isTainted)) return;
  const literals = joinLiterals(values);
  if (literals === null) return;
  const tainted = values.filter(isTainted);
  const columns = tainted.some((value) => value.unknown) ? [] : tainted.flatMap((value) => value.sources);
  ctx.findings.noteSecret(literals, columns, which);
}

/** A value is written to a column: where that is protected, so are the constants that it is made of. */
export function noteStored(ctx: Context, value: Value, column: Value | undefined): void {
  if (value.literals === null || !ctx.catalog.isClassified) return;
  if (column !== undefined && !isTainted(column)) return;
  ctx.findings.noteSecret(value.literals, column === undefined || column.unknown ? [] : column.sources, 'all');
}

/** The constants in a tree of them, each once. */
export function* eachLiteral(literals: Literals): Generator<Literal> {
  const seen = new Set<Literals>();
  const open: Literals[] = [literals];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    if ('kind' in next) yield next;
    else open.push(...next);
  }
}

/** Functions whose texts say how something is written, not what it is. */
const formatting = new Set(
  'to_char to_date to_number to_timestamp date_trunc date_part extract timezone encode decode convert_from convert_to format normalize string_agg'.split(
    ' ',
  ),
);
/** Functions whose numbers are positions and lengths. */
const positional = new Set('substr substring left right lpad rpad overlay split_part round trunc repeat'.split(' '));

/** A call takes a protected value beside constants. */
export function noteArguments(ctx: Context, name: string, values: readonly Value[]): void {
  if (!formatting.has(name)) noteMeeting(ctx, values, positional.has(name) ? 'texts' : 'all');
}

/** The constants that a call's result is made of: not those that only say how, or where from. */
export function literalsOfCall(name: string, values: readonly Value[]): Literals | null {
  const isFormatted = formatting.has(name) && values.some(isTainted);
  const counts = ({ literals }: Value): boolean => {
    if (literals === null || !('kind' in literals)) return true;
    return !isFormatted && (literals.kind !== 'other' || !positional.has(name));
  };
  return joinLiterals(values.filter(counts));
}

/** Protected columns by what names them, each once. */
export function distinctColumns(columns: readonly ProtectedColumn[]): readonly ProtectedColumn[] {
  return [
    ...new Map(columns.map((column) => [`${column.schema}\0${column.table}\0${column.column}`, column])).values(),
  ];
}
