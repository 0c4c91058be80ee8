import { list, namesOf, tagged } from './ast.js';
import { rowOf } from './column-ref.js';
import type { Context } from './context.js';
import type { Scope } from './scope.js';
import type { Rows, Value } from './value.js';

/** The columns that `*`, `t.*` or `(row).*` stands for in a list; null for any other expression. */
export function expandStar(ctx: Context, node: unknown, scope: Scope): Rows | null {
  const found = tagged(node);
  if (found?.tag === 'ColumnRef') {
    const parts = list(found.body, 'fields');
    if (tagged(parts[parts.length - 1])?.tag !== 'A_Star') return null;
    const names = namesOf(parts.slice(0, -1));
    if (names.length === 0) return scope.star();
    const source = scope.source(
      names[names.length - 1] ?? '',
      names.length > 1 ? (names[names.length - 2] ?? '') : null,
    );
    if (source !== null) return { fields: source.fields, open: source.open };
    const composite = ctx.expr({ ColumnRef: { fields: parts.slice(0, -1) } }, scope);
    return composite.row === null ? { fields: [], open: true } : { fields: composite.row, open: false };
  }
  if (found?.tag !== 'A_Indirection') return null;
  const steps = list(found.body, 'indirection');
  if (tagged(steps[steps.length - 1])?.tag !== 'A_Star') return null;
  const inner =
    steps.length === 1
      ? found.body['arg']
      : { A_Indirection: { arg: found.body['arg'], indirection: steps.slice(0, -1) } };
  const value = rowOf(ctx, inner, scope);
  return value.row === null ? { fields: [], open: true } : { fields: value.row, open: false };
}

/** The values of a list in which stars count as the columns that they stand for: ROW(…) and VALUES. PostgreSQL 4.2.13. */
export function valuesOf(
  ctx: Context,
  nodes: readonly unknown[],
  scope: Scope,
): { readonly values: readonly Value[]; readonly open: boolean } {
  const values: Value[] = [];
  let open = false;
  for (const node of nodes) {
    const star = expandStar(ctx, node, scope);
    open ||= star?.open === true;
    values.push(...(star?.fields.map((field) => field.value) ?? [ctx.expr(node, scope)]));
  }
  return { values, open };
}
