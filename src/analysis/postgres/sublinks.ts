import { list, namesOf, text, type Body } from './ast.js';
import type { Context } from './context.js';
import { noteMeeting } from './literals.js';
import { callUserOperators, judgeOperator } from './operators.js';
import type { Scope } from './scope.js';
import { derive, rowValue, type Value } from './value.js';

/** SubLink: a query as an expression. What decides on its rows has been judged inside it. */
export function analyseSubLink(ctx: Context, body: Body, scope: Scope): Value {
  const test = body['testexpr'] === undefined ? null : ctx.expr(body['testexpr'], scope);
  const rows = ctx.query(body['subselect'], scope);
  const { subselect } = body;
  if (typeof subselect === 'object' && subselect !== null)
    ctx.firstNames.set(subselect, rows.open ? null : (rows.fields[0]?.name ?? null));
  const values = rows.fields.map((field) => field.value);
  switch (text(body, 'subLinkType')) {
    case 'EXISTS_SUBLINK':
      return { ...derive([]), fallible: true };
    case 'EXPR_SUBLINK':
    case 'MULTIEXPR_SUBLINK': {
      const only = values.length === 1 && !rows.open ? values[0] : undefined;
      return { ...(only ?? rowValue(rows.fields, rows.open)), fallible: true };
    }
    case 'ARRAY_SUBLINK': {
      const type = values.length === 1 ? (values[0]?.type ?? '') : '';
      const value = derive(values, type === '' || type.endsWith('[]') ? type : `${type}[]`);
      return rows.open ? { ...value, unknown: true, derived: true, fallible: true } : { ...value, fallible: true };
    }
    default: {
      const names = namesOf(list(body, 'operName'));
      const name = names[names.length - 1] ?? '=';
      const operands = test === null ? values : [test, ...values];
      const called = callUserOperators(ctx, names.length === 0 ? [name] : names, operands);
      noteMeeting(ctx, operands);
      judgeOperator(ctx, { name, kind: 'AEXPR_OP', left: test, rights: values, right: undefined });
      const value = derive([...(test === null ? [] : [test]), ...values, ...called]);
      return rows.open ? { ...value, unknown: true, derived: true, fallible: true } : { ...value, fallible: true };
    }
  }
}
