import { bodyOf, constantOf, list, namesOf, text, type Body } from './ast.js';
import type { Context } from './context.js';

/**
 * `SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'y'`: how pg_dump sets a parameter that a server
 * may not have. The name is as good as constant, so it is put in the call's place of it. Every other form is left alone.
 */
export function withNamedSetting(ctx: Context, select: Body): readonly unknown[] {
  const targets = list(select, 'targetList');
  const name = settingName(ctx, select);
  if (name === null) return targets;
  return targets.map((node) => {
    const target = bodyOf(node, 'ResTarget');
    const call = target === null ? null : bodyOf(target['val'], 'FuncCall');
    if (target === null || call === null || namesOf(list(call, 'funcname')).at(-1) !== 'set_config') return node;
    const [first, ...others] = list(call, 'args');
    if (!isNameColumn(first)) return node;
    const args = [{ A_Const: { sval: { sval: name } } }, ...others];
    return { ResTarget: { ...target, val: { FuncCall: { ...call, args } } } };
  });
}

/** The constant of `FROM pg_settings WHERE name = constant`, when the clause is exactly that. */
function settingName(ctx: Context, select: Body): string | null {
  const [only, ...others] = list(select, 'fromClause');
  const from = bodyOf(only, 'RangeVar');
  const where = bodyOf(select['whereClause'], 'A_Expr');
  if (from === null || where === null || others.length > 0 || text(from, 'relname') !== 'pg_settings') return null;
  if (from['alias'] !== undefined || select['withClause'] !== undefined) return null;
  if (ctx.catalog.relation(text(from, 'schemaname'), 'pg_settings')?.schema !== 'pg_catalog') return null;
  if (
    text(where, 'kind') !== 'AEXPR_OP' ||
    namesOf(list(where, 'name')).join('.') !== '=' ||
    !isNameColumn(where['lexpr'])
  )
    return null;
  const value = constantOf(where['rexpr']);
  return typeof value === 'string' ? value : null;
}

function isNameColumn(node: unknown): boolean {
  const column = bodyOf(node, 'ColumnRef');
  return column !== null && namesOf(list(column, 'fields')).join('.') === 'name';
}
