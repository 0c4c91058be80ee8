import type { ActionName } from '../effects.js';
import { bodyOf, child, flag, itemsOf, list, namesOf, tagged, text, walk, type Body } from './ast.js';
import type { Context } from './context.js';
import { noteKept } from './copies.js';
import { noteStoredCall } from './functions.js';
import { creationPlace, createInto } from './into.js';
import {
  constraintExpressions,
  inferBound,
  inferPartition,
  inferReferenced,
  inferRelation,
  keepMoved,
  inferStored,
  inferTableChanges,
} from './laundering.js';
import { keepComputed } from './kept-values.js';
import { inferRedefined, inferReplaced, inferSetting } from './replaced.js';
import { namedObject, objectName, objectNames, rangeVarNames, type NamedObject } from './object-types.js';
import { addTableEffect, findRelation } from './relations.js';
import { inferCovering, inferShadowed } from './rows-checked.js';
import { Scope } from './scope.js';
import { inferForTriggers } from './trigger-code.js';

/** Adds an effect on a named object and notes that the catalog changes. */
export function define(ctx: Context, action: ActionName, named: NamedObject): null {
  ctx.findings.add(action, named.type, named.path, { object: named.object, temporary: named.temporary });
  if (action === 'create')
    inferShadowed(ctx, named.path.at(-2) ?? '', named.path.at(-1) ?? '', named.type !== 'Object');
  keepComputed(ctx, named);
  ctx.findings.changeCatalog();
  return null;
}

/** An object of the database, or of its cluster, by a name without a schema. */
export function defineGlobal(ctx: Context, action: ActionName, object: string, name: string): null {
  return define(ctx, action, { type: 'Object', path: [name], object, temporary: false });
}

/** An object in a schema, named by a list of String nodes. */
export function defineInSchema(ctx: Context, action: ActionName, kind: string, nodes: readonly unknown[]): null {
  return define(ctx, action, namedObject(ctx, kind, { List: { items: nodes } }));
}

/** Something on a table: an index, a trigger, a rule, a policy. */
export function defineOnTable(ctx: Context, action: ActionName, object: string, rangeVar: Body | null): null {
  const named = findRelation(ctx, rangeVar ?? {});
  addTableEffect(ctx, action, named, { object });
  ctx.findings.changeCatalog();
  return null;
}

/** CREATE TABLE, FOREIGN TABLE: defaults, checks and generated columns hold expressions. */
export function createTable(ctx: Context, body: Body, object: string): null {
  const { schema, name, temporary } = creationPlace(ctx, child(body, 'relation') ?? {});
  define(ctx, 'create', { type: 'Table', path: [schema, name], object, temporary });
  for (const node of list(body, 'inhRelations')) defineOnTable(ctx, 'alter', 'table', bodyOf(node, 'RangeVar'));
  if (body['partbound'] !== undefined)
    for (const node of list(body, 'inhRelations'))
      inferPartition(ctx, findRelation(ctx, bodyOf(node, 'RangeVar') ?? {}));
  inferBound(ctx, child(body, 'partbound'));
  judgeCalls(ctx, [body['tableElts'], body['partspec'], body['partbound']]);
  const inherited = list(body, 'inhRelations').flatMap(
    (node) => findRelation(ctx, bodyOf(node, 'RangeVar') ?? {}).relation?.fields ?? [],
  );
  inferStored(ctx, constraintExpressions(body['tableElts']), inherited, [name]);
  inferReferenced(ctx, body['tableElts']);
  return null;
}

/** CREATE FOREIGN TABLE: what is read through it is named by options. */
export function createForeignTable(ctx: Context, body: Body): null {
  noteFiles(ctx, body['options']);
  return createTable(ctx, child(body, 'base_stmt') ?? child(body, 'base') ?? {}, 'foreign table');
}

/** Options of a foreign table that make reading it what COPY from a file or a program is. PostgreSQL F.15, file_fdw. */
function noteFiles(ctx: Context, options: unknown): void {
  for (const { tag, body } of walk(options)) {
    const name = tag === 'DefElem' ? text(body, 'defname') : '';
    if (name === 'program') ctx.findings.addGlobal('copyProgram', 'program');
    if (name === 'filename') ctx.findings.addGlobal('copyFile', 'file');
  }
}

/** Calls in definitions are judged as calls when they are defined, for they run later without a statement of their own. */
export function judgeCalls(ctx: Context, node: unknown): void {
  for (const { tag, body } of walk(node)) if (tag === 'FuncCall') noteStoredCall(ctx, body);
}

/** CREATE VIEW: its query is judged now, because reading the view is not. */
export function createView(ctx: Context, body: Body): null {
  const { schema, name, temporary } = creationPlace(ctx, child(body, 'view') ?? {});
  const { fields, open } = ctx.query(body['query'], null);
  inferForTriggers(ctx, name, open ? null : fields.map(({ value }) => value));
  return define(ctx, 'create', { type: 'Table', path: [schema, name], object: 'view', temporary });
}

/** CREATE TABLE AS and CREATE MATERIALIZED VIEW. */
export function createTableAs(ctx: Context, body: Body): null {
  const rows = ctx.statement(body['query'], null) ?? 'unknown';
  createInto(
    ctx,
    child(body, 'into') ?? {},
    rows,
    text(body, 'objtype') === 'OBJECT_MATVIEW' ? 'materialized view' : 'table',
  );
  return null;
}

/** CREATE FUNCTION; one in C loads a library. Defaults of parameters are read by calls that do not show them. */
export function createFunction(ctx: Context, body: Body): null {
  const defaults = list(body, 'parameters').map((node) => bodyOf(node, 'FunctionParameter')?.['defexpr']);
  judgeCalls(ctx, defaults);
  inferReplaced(ctx, body);
  inferStored(
    ctx,
    defaults.filter((node) => node !== undefined),
    [],
  );
  defineInSchema(
    ctx,
    'create',
    flag(body, 'is_procedure') ? 'OBJECT_PROCEDURE' : 'OBJECT_FUNCTION',
    list(body, 'funcname'),
  );
  for (const node of list(body, 'options')) {
    const option = bodyOf(node, 'DefElem') ?? {};
    const language = text(option, 'defname') === 'language' ? (objectNames(option['arg'])[0] ?? '') : '';
    if (/^(c|internal)$/i.test(language)) ctx.findings.addGlobal('loadLibrary', language.toLowerCase());
  }
  return null;
}

/** CREATE SCHEMA, with the objects that may be created inside it. */
export function createSchema(ctx: Context, body: Body): null {
  const name = text(body, 'schemaname') || text(child(body, 'authrole') ?? {}, 'rolename');
  define(ctx, 'create', { type: 'Schema', path: [name], object: 'schema', temporary: false });
  for (const node of list(body, 'schemaElts')) ctx.statement(node, null);
  return null;
}

/** CREATE INDEX: a unique one fails on duplicates, an expression or predicate on what it cannot compute. */
export function createIndex(ctx: Context, body: Body): null {
  const rangeVar = child(body, 'relation') ?? {};
  defineOnTable(ctx, 'create', 'index', rangeVar);
  const { relation } = findRelation(ctx, rangeVar);
  const fields = relation?.fields ?? [];
  const scope = new Scope(null, [{ columns: fields, open: relation === null, sources: [] }]);
  for (const node of list(body, 'indexParams')) {
    const element = bodyOf(node, 'IndexElem') ?? {};
    if (element['expr'] !== undefined) ctx.findings.infer(ctx.expr(element['expr'], scope));
    const column = fields.find((field) => field.name === text(element, 'name'));
    if (flag(body, 'unique') && column !== undefined) ctx.findings.infer(column.value);
  }
  if (body['whereClause'] !== undefined) ctx.findings.infer(ctx.expr(body['whereClause'], scope));
  inferCovering(ctx, body, fields);
  return null;
}

/** ALTER TABLE, VIEW, INDEX…: each command may reach data. */
export function alterTable(ctx: Context, body: Body): null {
  const rangeVar = child(body, 'relation') ?? {};
  const object = objectName(text(body, 'objtype') || text(body, 'relkind'));
  if (object === 'type') return define(ctx, 'alter', namedObject(ctx, 'OBJECT_TYPE', { RangeVar: rangeVar }));
  defineOnTable(ctx, 'alter', object, rangeVar);
  keepComputed(ctx, { type: 'Table', path: [text(rangeVar, 'relname')], object });
  inferTableChanges(ctx, rangeVar, list(body, 'cmds'));
  if (object === 'foreign table') noteFiles(ctx, body['cmds']);
  const changesOwner = list(body, 'cmds').some(
    (node) => text(bodyOf(node, 'AlterTableCmd') ?? {}, 'subtype') === 'AT_ChangeOwner',
  );
  if (changesOwner) addTableEffect(ctx, 'grant', findRelation(ctx, rangeVar), { object: 'owner' });
  judgeCalls(ctx, body['cmds']);
  return null;
}

const tableOf = (names: readonly string[]): Body => ({ relname: names.at(-1) ?? '', schemaname: names.at(-2) ?? '' });

/** DROP of any kind, one effect an object. */
export function drop(ctx: Context, body: Body): null {
  const kind = text(body, 'removeType');
  if (kind === 'OBJECT_TABLE')
    for (const node of list(body, 'objects')) keepMoved(ctx, tableOf(namesOf(itemsOf(node))));
  for (const node of list(body, 'objects')) define(ctx, 'drop', namedObject(ctx, kind, node));
  return null;
}

/** RENAME and SET SCHEMA: classification goes by name, so a protected column loses its protection. */
export function rename(ctx: Context, body: Body, kind: string): null {
  const relation = child(body, 'relation');
  const isTable = relation !== null;
  if (isTable) {
    defineOnTable(ctx, 'alter', objectName(kind), relation);
    inferRelation(ctx, relation, kind === 'OBJECT_COLUMN' ? text(body, 'subname') : null);
    const { schema, name: table } = findRelation(ctx, relation);
    const column = kind === 'OBJECT_COLUMN' ? text(body, 'subname') : null;
    const to = text(body, 'newname');
    for (const name of [table, to]) keepComputed(ctx, { type: 'Table', path: [name], object: '' });
    if (column === null) inferShadowed(ctx, schema, to);
    if (body['newschema'] !== undefined)
      ctx.findings.renames.push({ schema, table, column, to: { schema: text(body, 'newschema') } });
    else ctx.findings.renames.push({ schema, table, column, to: column === null ? { table: to } : { column: to } });
    return null;
  }
  const named = namedObject(ctx, kind, body['object']);
  inferShadowed(ctx, named.path.at(-2) ?? '', text(body, 'newname'), named.type !== 'Object');
  keepComputed(ctx, { ...named, path: [text(body, 'newname')] });
  if (named.type === 'Function') inferForTriggers(ctx, text(body, 'newname') || (named.path.at(-1) ?? ''), null);
  if (kind === 'OBJECT_SCHEMA') inferSchema(ctx, text(body, 'subname') || (named.path[0] ?? ''), text(body, 'newname'));
  return define(
    ctx,
    'alter',
    kind === 'OBJECT_SCHEMA' ? { ...named, path: [text(body, 'subname') || (named.path[0] ?? '')] } : named,
  );
}

/** A schema gets another name: so does every protected column in it. */
function inferSchema(ctx: Context, schema: string, to: string): void {
  ctx.findings.renames.push({ schema, table: null, column: null, to: { schema: to } });
  for (const column of ctx.catalog.protectedColumns) if (column.schema === schema) ctx.findings.inferColumn(column);
  for (const relation of ctx.catalog.relations()) if (relation.schema === schema) noteKept(ctx, relation, null);
}

/** CREATE RULE: statements that later ones run without naming them; `old` and `new` are rows of the table. */
export function createRule(ctx: Context, body: Body): null {
  const rangeVar = child(body, 'relation') ?? {};
  defineOnTable(ctx, 'create', 'rule', rangeVar);
  // One by the name of _RETURN is a view's query.
  keepComputed(ctx, { type: 'Table', path: [text(rangeVar, 'relname')], object: 'rule' });
  const { relation } = findRelation(ctx, rangeVar);
  const sources = ['old', 'new'].map((alias) => ({
    alias,
    schema: '',
    fields: relation?.fields ?? [],
    open: relation === null,
    relation,
  }));
  const scope = new Scope(null, [{ columns: [], open: false, sources }]);
  if (body['whereClause'] !== undefined) ctx.findings.infer(ctx.expr(body['whereClause'], scope));
  // It copies nothing yet: a later statement that it is applied to does.
  ctx.findings.withoutCopies(() => {
    for (const node of list(body, 'actions').flatMap(itemsOf)) if (tagged(node) !== null) ctx.statement(node, scope);
  });
  return null;
}

/** CREATE TYPE, AGGREGATE, OPERATOR, COLLATION, TEXT SEARCH …: DefineStmt. */
export function defineObject(ctx: Context, body: Body): null {
  if (
    list(body, 'definition').some((node) =>
      /^(input|output|receive|send)$/.test(text(bodyOf(node, 'DefElem') ?? {}, 'defname')),
    )
  ) {
    ctx.findings.addGlobal('loadLibrary', 'type');
  }
  inferSetting(ctx, body['definition']);
  if (flag(body, 'replace')) inferRedefined(ctx, list(body, 'defnames'));
  return defineInSchema(ctx, 'create', text(body, 'kind'), list(body, 'defnames'));
}

/** A type or domain by its name nodes. */
export function createType(ctx: Context, body: Body, key: string): null {
  const rangeVar = child(body, key);
  const names = rangeVar === null ? namesOf(list(body, key)) : rangeVarNames(rangeVar);
  return define(
    ctx,
    'create',
    namedObject(ctx, 'OBJECT_TYPE', { List: { items: names.map((sval) => ({ String: { sval } })) } }),
  );
}
