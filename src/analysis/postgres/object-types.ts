import { itemsOf, list, namesOf, stringOf, tagged, text, type Body } from './ast.js';
import type { Context } from './context.js';
import type { ResourceRef } from '../effects.js';

/** What a statement defines, as an effect names it. */
export interface NamedObject {
  readonly type: ResourceRef['type'];
  readonly path: readonly string[];
  readonly object: string;
  readonly temporary: boolean;
}

const tableLike = new Set(['OBJECT_TABLE', 'OBJECT_VIEW', 'OBJECT_MATVIEW', 'OBJECT_FOREIGN_TABLE', 'OBJECT_SEQUENCE']);
const functionLike = new Set(['OBJECT_FUNCTION', 'OBJECT_PROCEDURE', 'OBJECT_ROUTINE', 'OBJECT_AGGREGATE']);
/** Their name's last part is their own, the rest is their table's. */
const onTable = new Set([
  'OBJECT_TRIGGER',
  'OBJECT_RULE',
  'OBJECT_POLICY',
  'OBJECT_TABCONSTRAINT',
  'OBJECT_COLUMN',
  'OBJECT_DEFAULT',
]);
const inSchema = new Set([
  'OBJECT_INDEX',
  'OBJECT_TYPE',
  'OBJECT_DOMAIN',
  'OBJECT_COLLATION',
  'OBJECT_CONVERSION',
  'OBJECT_OPERATOR',
  'OBJECT_STATISTIC_EXT',
  'OBJECT_TSCONFIGURATION',
  'OBJECT_TSDICTIONARY',
  'OBJECT_TSPARSER',
  'OBJECT_TSTEMPLATE',
  'OBJECT_OPCLASS',
  'OBJECT_OPFAMILY',
]);

/** `OBJECT_FOREIGN_SERVER` is a "foreign server". */
export function objectName(kind: string): string {
  const name = kind
    .replace(/^OBJECT_/, '')
    .replaceAll('_', ' ')
    .toLowerCase();
  return name === 'matview' ? 'materialized view' : name;
}

/** An object that DROP, ALTER … or COMMENT names, by its kind. */
export function namedObject(ctx: Context, kind: string, node: unknown): NamedObject {
  const names = objectNames(node);
  const own = names[names.length - 1] ?? '';
  const object = objectName(kind);
  if (kind === 'OBJECT_SCHEMA') return { type: 'Schema', path: [own], object, temporary: own === 'pg_temp' };
  if (kind === 'OBJECT_DATABASE') return { type: 'Object', path: [own], object, temporary: false };
  if (onTable.has(kind) && names.length > 1) return { ...inItsSchema(ctx, 'Table', names.slice(0, -1)), object };
  if (tableLike.has(kind)) return { ...inItsSchema(ctx, 'Table', names), object };
  if (functionLike.has(kind)) return { ...inItsSchema(ctx, 'Function', names), object };
  if (kind === 'OBJECT_DOMCONSTRAINT') return { ...inItsSchema(ctx, 'Object', domainOf(node, names)), object };
  if (inSchema.has(kind)) return { ...inItsSchema(ctx, 'Object', names), object };
  return { type: 'Object', path: [names.join('.')], object, temporary: false };
}

/** COMMENT names a domain's constraint by the type and its own name; ALTER DOMAIN … RENAME CONSTRAINT the domain alone. */
function domainOf(node: unknown, names: readonly string[]): readonly string[] {
  const [first] = itemsOf(node);
  return tagged(first)?.tag === 'TypeName' ? names.slice(0, -1) : names;
}

function inItsSchema(ctx: Context, type: ResourceRef['type'], names: readonly string[]): Omit<NamedObject, 'object'> {
  const own = names[names.length - 1] ?? '';
  const given = names.length > 1 ? (names[names.length - 2] ?? '') : '';
  const schema =
    given ||
    (type === 'Function'
      ? functionSchema(ctx, own)
      : (ctx.catalog.relation('', own)?.schema ?? ctx.catalog.creationSchema));
  return { type, path: [schema, own], temporary: schema === 'pg_temp' };
}

function functionSchema(ctx: Context, name: string): string {
  return ctx.catalog.functions('', name, -1).user[0]?.schema ?? ctx.catalog.creationSchema;
}

/** A name comes as a String, a List of them, a TypeName, an ObjectWithArgs, or a RangeVar. */
export function objectNames(node: unknown): readonly string[] {
  const found = tagged(node);
  if (found === null) return [];
  const { tag, body } = found;
  switch (tag) {
    case 'String':
      return [stringOf(node)];
    case 'List':
      return itemsOf(node).flatMap(objectNames);
    case 'TypeName':
      return namesOf(list(body, 'names'));
    case 'ObjectWithArgs':
      return namesOf(list(body, 'objname'));
    case 'RangeVar':
      return rangeVarNames(body);
    case 'RoleSpec':
      return [text(body, 'rolename')];
    default:
      return [];
  }
}

/** Schema and name of a RangeVar without its tag. */
export function rangeVarNames(body: Body): readonly string[] {
  const schema = text(body, 'schemaname');
  return schema === '' ? [text(body, 'relname')] : [schema, text(body, 'relname')];
}
