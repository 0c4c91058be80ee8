import { child, list, namesOf, tagged, text } from './ast.js';
import type { Context } from './context.js';

/** SQL/JSON and XML constructors name their column after themselves. */
const ownNames: Readonly<Record<string, string>> = {
  A_ArrayExpr: 'array',
  RowExpr: 'row',
  CoalesceExpr: 'coalesce',
  GroupingFunc: 'grouping',
  MergeSupportFunc: 'merge_action',
  XmlSerialize: 'xmlserialize',
  JsonParseExpr: 'json',
  JsonScalarExpr: 'json_scalar',
  JsonSerializeExpr: 'json_serialize',
  JsonObjectConstructor: 'json_object',
  JsonArrayConstructor: 'json_array',
  JsonArrayQueryConstructor: 'json_array',
  JsonObjectAgg: 'json_objectagg',
  JsonArrayAgg: 'json_arrayagg',
};

const xmlNames: Readonly<Record<string, string>> = {
  IS_XMLCONCAT: 'xmlconcat',
  IS_XMLELEMENT: 'xmlelement',
  IS_XMLFOREST: 'xmlforest',
  IS_XMLPARSE: 'xmlparse',
  IS_XMLPI: 'xmlpi',
  IS_XMLROOT: 'xmlroot',
  IS_XMLSERIALIZE: 'xmlserialize',
};

const jsonNames: Readonly<Record<string, string>> = {
  JSON_EXISTS_OP: 'json_exists',
  JSON_QUERY_OP: 'json_query',
  JSON_VALUE_OP: 'json_value',
};

/** The name of the first column of a subquery that has been analysed; null when it is not known. */
export type FirstName = (subselect: unknown) => string | null;

/**
 * The name PostgreSQL gives to an output column without AS: FigureColname in parse_target.c. '' when that cannot be told.
 * A wrong one would let a name mean another column here than it does there.
 */
export function columnName(node: unknown, firstName: FirstName): string {
  return figure(node, firstName)?.name ?? '?column?';
}

/** What the analysis of a subquery has found its first column to be called. */
export function firstNameOf({ firstNames }: Pick<Context, 'firstNames'>, subquery: unknown): string | null {
  return typeof subquery === 'object' && subquery !== null ? (firstNames.get(subquery) ?? null) : null;
}

interface Figured {
  readonly name: string;
  /** A strong name wins over what surrounds it; a type's name is weak. */
  readonly strong: boolean;
}

function strong(name: string): Figured | null {
  return name === '' ? null : { name, strong: true };
}

function figure(node: unknown, firstName: FirstName): Figured | null {
  const found = tagged(node);
  if (found === null) return null;
  const { tag, body } = found;
  switch (tag) {
    case 'ColumnRef':
      return strong(lastName(list(body, 'fields')));
    case 'A_Indirection':
      return strong(lastName(list(body, 'indirection'))) ?? figure(body['arg'], firstName);
    case 'FuncCall':
      return strong(lastName(list(body, 'funcname')));
    case 'A_Expr':
      return text(body, 'kind') === 'AEXPR_NULLIF' ? strong('nullif') : null;
    case 'TypeCast':
      return figureCast(figure(body['arg'], firstName), lastName(list(child(body, 'typeName') ?? {}, 'names')));
    case 'CollateClause':
      return figure(body['arg'], firstName);
    case 'SubLink':
      return figureSubLink(text(body, 'subLinkType'), () => firstName(body['subselect']));
    case 'CaseExpr': {
      const inner = figure(body['defresult'], firstName);
      return inner?.strong === true ? inner : { name: 'case', strong: false };
    }
    case 'MinMaxExpr':
      return strong(text(body, 'op') === 'IS_LEAST' ? 'least' : 'greatest');
    case 'SQLValueFunction':
      return strong(valueFunctionName(text(body, 'op')));
    case 'XmlExpr':
      return strong(xmlNames[text(body, 'op')] ?? '');
    case 'JsonFuncExpr':
      return strong(jsonNames[text(body, 'op')] ?? '');
    default:
      return strong(ownNames[tag] ?? '');
  }
}

function lastName(nodes: readonly unknown[]): string {
  return namesOf(nodes).findLast((name) => name !== '') ?? '';
}

function figureCast(inner: Figured | null, type: string): Figured | null {
  if (inner?.strong === true) return inner;
  return type === '' ? inner : { name: type, strong: false };
}

/** A subquery's column goes by its name, whatever that came from: set operations, VALUES, `*`. */
function figureSubLink(type: string, firstName: () => string | null): Figured | null {
  if (type === 'EXISTS_SUBLINK') return strong('exists');
  if (type === 'ARRAY_SUBLINK') return strong('array');
  if (type !== 'EXPR_SUBLINK') return null;
  return { name: firstName() ?? '', strong: true };
}

/** SVFOP_CURRENT_TIMESTAMP_N is `current_timestamp`. */
function valueFunctionName(op: string): string {
  return op
    .replace(/^SVFOP_/, '')
    .replace(/_N$/, '')
    .toLowerCase();
}
