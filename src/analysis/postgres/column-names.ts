import { bodyOf, list, namesOf, tagged, text, child } from './ast.js';

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

/** The name PostgreSQL gives to an output column without AS: FigureColname in parse_target.c. */
export function columnName(node: unknown): string {
  return figure(node)?.name ?? '?column?';
}

interface Figured {
  readonly name: string;
  /** A strong name wins over what surrounds it; a type's name is weak. */
  readonly strong: boolean;
}

function strong(name: string): Figured | null {
  return name === '' ? null : { name, strong: true };
}

function figure(node: unknown): Figured | null {
  const found = tagged(node);
  if (found === null) return null;
  const { tag, body } = found;
  switch (tag) {
    case 'ColumnRef':
      return strong(lastName(list(body, 'fields')));
    case 'A_Indirection':
      return strong(lastName(list(body, 'indirection'))) ?? figure(body['arg']);
    case 'FuncCall':
      return strong(lastName(list(body, 'funcname')));
    case 'A_Expr':
      return text(body, 'kind') === 'AEXPR_NULLIF' ? strong('nullif') : null;
    case 'TypeCast':
      return figureCast(body['arg'], lastName(list(child(body, 'typeName') ?? {}, 'names')));
    case 'CollateClause':
      return figure(body['arg']);
    case 'SubLink':
      return figureSubLink(text(body, 'subLinkType'), body['subselect']);
    case 'CaseExpr': {
      const inner = figure(body['defresult']);
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

function figureCast(argument: unknown, type: string): Figured | null {
  const inner = figure(argument);
  if (inner?.strong === true) return inner;
  return type === '' ? inner : { name: type, strong: false };
}

function figureSubLink(type: string, subselect: unknown): Figured | null {
  if (type === 'EXISTS_SUBLINK') return strong('exists');
  if (type === 'ARRAY_SUBLINK') return strong('array');
  if (type !== 'EXPR_SUBLINK') return null;
  const select = bodyOf(subselect, 'SelectStmt');
  const target = select === null ? null : bodyOf(list(select, 'targetList')[0], 'ResTarget');
  return target === null ? null : (strong(text(target, 'name')) ?? figure(target['val']));
}

/** SVFOP_CURRENT_TIMESTAMP_N is `current_timestamp`. */
function valueFunctionName(op: string): string {
  return op
    .replace(/^SVFOP_/, '')
    .replace(/_N$/, '')
    .toLowerCase();
}
