import { bodyOf, child, flag, list, text, type Body } from './ast.js';
import type { Context } from './context.js';
import { jsonValue } from './json-xml.js';
import type { Scope } from './scope.js';
import { clear, derive, isTainted, type Field, type Rows, type Value } from './value.js';

/** XMLTABLE: every column comes from the document; how many rows there are shows it too. */
export function analyseXmlTable(ctx: Context, body: Body, scope: Scope): Rows {
  const namespaces = list(body, 'namespaces').map((node) => ctx.expr(bodyOf(node, 'ResTarget')?.['val'], scope));
  const columns = list(body, 'columns').map((node) => bodyOf(node, 'RangeTableFuncCol') ?? {});
  const paths = columns.flatMap((column) => [
    ctx.expr(column['colexpr'], scope),
    ctx.expr(column['coldefexpr'], scope),
  ]);
  const document = derive([
    ctx.expr(body['docexpr'], scope),
    ctx.expr(body['rowexpr'], scope),
    ...namespaces,
    ...paths,
  ]);
  if (isTainted(document)) ctx.findings.infer(document);
  const value: Value = { ...document, fallible: true };
  return {
    fields: columns.map((column) => ({
      name: text(column, 'colname'),
      value: flag(column, 'for_ordinality') ? clear : value,
    })),
    open: false,
  };
}

/** JSON_TABLE. */
export function analyseJsonTable(ctx: Context, body: Body, scope: Scope): Rows {
  const passing = list(body, 'passing').map((node) =>
    jsonValue(ctx, child(bodyOf(node, 'JsonArgument') ?? {}, 'val') ?? {}, scope),
  );
  const defaults = defaultsOf(list(body, 'columns')).map((node) => ctx.expr(node, scope));
  const document = derive([jsonValue(ctx, child(body, 'context_item') ?? {}, scope), ...passing, ...defaults]);
  if (isTainted(document)) ctx.findings.infer(document);
  return { fields: jsonColumns(list(body, 'columns'), { ...document, fallible: true }), open: false };
}

/** `DEFAULT f() ON EMPTY`: expressions inside column definitions. */
function defaultsOf(nodes: readonly unknown[]): readonly unknown[] {
  return nodes.flatMap((node) => {
    const column = bodyOf(node, 'JsonTableColumn') ?? {};
    const own = ['on_empty', 'on_error']
      .map((key) => child(column, key)?.['expr'])
      .filter((expr) => expr !== undefined);
    return [...own, ...defaultsOf(list(column, 'columns'))];
  });
}

/** A path's own columns come before those of the paths nested in it. PostgreSQL, transformJsonTableColumns. */
function jsonColumns(nodes: readonly unknown[], value: Value): readonly Field[] {
  const columns = nodes.map((node) => bodyOf(node, 'JsonTableColumn') ?? {});
  const isNested = (column: Body): boolean => text(column, 'coltype') === 'JTC_NESTED';
  const own = columns.filter((column) => !isNested(column));
  const nested = columns.filter(isNested);
  return [
    ...own.map((column) => ({
      name: text(column, 'name'),
      value: text(column, 'coltype') === 'JTC_FOR_ORDINALITY' ? clear : value,
    })),
    ...nested.flatMap((column) => jsonColumns(list(column, 'columns'), value)),
  ];
}
