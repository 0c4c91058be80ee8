import { bodyOf, child, flag, list, namesOf, number, text, type Body } from './ast.js';
import type { Context } from './context.js';
import { noteComputed } from './copies.js';
import {
  analyseGrant,
  analyseGrantRole,
  analyseOwned,
  analyseOwner,
  analyseRole,
  analyseStoredSetting,
  roleName,
} from './control.js';
import { analyseCopy } from './copy.js';
import * as definitions from './define.js';
import { constraintExpressions, inferStored } from './laundering.js';
import { namedObject, objectNames } from './object-types.js';
import { addTableEffect, findRelation, readRelation } from './relations.js';
import { inferRedefined } from './replaced.js';
import { inferDomain, inferFilled, inferOrdered } from './rows-checked.js';
import { Scope } from './scope.js';
import { analyseSelect } from './select.js';
import * as session from './session-statements.js';
import { analyseSet, analyseShow } from './settings.js';
import { inferTriggerCode } from './trigger-code.js';
import type { Rows } from './value.js';
import { analyseDelete, analyseInsert, analyseMerge, analyseUpdate } from './write.js';

/** What a statement returns: its columns, nothing, or columns that cannot be named. */
export type StatementRows = Rows | 'unknown' | null;
type Handler = (ctx: Context, body: Body, outer: Scope | null) => StatementRows;

const { define, defineGlobal, defineInSchema, defineOnTable } = definitions;

/** A definition by one name field, of an object that stands in no schema. */
const global =
  (action: 'create' | 'alter' | 'drop', object: string, key: string): Handler =>
  (ctx, body) =>
    defineGlobal(ctx, action, object, text(body, key));

/** A definition by a list of String nodes, of an object in a schema. */
const inSchema =
  (action: 'create' | 'alter', kind: string, key: string): Handler =>
  (ctx, body) =>
    defineInSchema(ctx, action, kind, list(body, key));

/** The conditions of a policy run with every statement on its table. */
const policy =
  (action: 'create' | 'alter'): Handler =>
  (ctx, body) => {
    definitions.judgeCalls(ctx, [body['qual'], body['with_check']]);
    inferOnTable(ctx, child(body, 'table'), [body['qual'], body['with_check']]);
    return defineOnTable(ctx, action, 'policy', child(body, 'table'));
  };

/** Two handlers, one after the other. */
const both =
  (first: Handler, second: Handler): Handler =>
  (ctx, body, outer) => {
    first(ctx, body, outer);
    return second(ctx, body, outer);
  };

const control =
  (action: 'alterSystem' | 'loadLibrary' | 'replicate', object: string): Handler =>
  (ctx) => {
    ctx.findings.addGlobal(action, object);
    return null;
  };

/**
 * How the effects of each statement node are found, for every major from 13 to 18. A node that is not here is the
 * action `unknown`; a test holds this table against the parsers' own node lists.
 */
export const statementHandlers: Readonly<Record<string, Handler>> = {
  SelectStmt: (ctx, body, outer) => {
    const rows = analyseSelect(ctx, body, outer);
    return hasInto(body) ? null : rows;
  },
  InsertStmt: analyseInsert,
  UpdateStmt: analyseUpdate,
  DeleteStmt: analyseDelete,
  MergeStmt: analyseMerge,
  ReturnStmt: (ctx, body, outer) => ({
    fields: [{ name: '', value: ctx.expr(body['returnval'], outer ?? new Scope(null)) }],
    open: false,
  }),
  CopyStmt: analyseCopy,
  TruncateStmt: (ctx, body) => onRelations(ctx, 'truncate', list(body, 'relations')),
  LockStmt: analyseLock,
  CallStmt: session.analyseCallStatement,
  DoStmt: session.analyseDo,

  TransactionStmt: session.analyseTransaction,
  PrepareStmt: session.analysePrepare,
  ExecuteStmt: session.analyseExecute,
  DeallocateStmt: session.analyseDeallocate,
  DeclareCursorStmt: session.analyseDeclare,
  FetchStmt: session.analyseFetch,
  ClosePortalStmt: session.analyseClose,
  DiscardStmt: session.analyseDiscard,
  ExplainStmt: session.analyseExplain,
  VariableSetStmt: analyseSet,
  VariableShowStmt: analyseShow,
  ConstraintsSetStmt: (ctx) => {
    ctx.findings.addGlobal('transaction', 'constraints');
    return null;
  },
  ListenStmt: (ctx, body) => session.analyseChannel(ctx, 'listen', body),
  UnlistenStmt: (ctx, body) => session.analyseChannel(ctx, 'listen', body),
  NotifyStmt: (ctx, body) => session.analyseChannel(ctx, 'notify', body),

  CreateStmt: (ctx, body) => definitions.createTable(ctx, body, 'table'),
  CreateForeignTableStmt: definitions.createForeignTable,
  CreateTableAsStmt: definitions.createTableAs,
  ViewStmt: definitions.createView,
  IndexStmt: definitions.createIndex,
  CreateSchemaStmt: definitions.createSchema,
  CreateSeqStmt: sequence('create'),
  CreateFunctionStmt: definitions.createFunction,
  CreateTrigStmt: both(
    (ctx, body) => defineOnTable(ctx, 'create', 'trigger', child(body, 'relation')),
    noteTriggerFunction,
  ),
  RuleStmt: definitions.createRule,
  CreatePolicyStmt: policy('create'),
  CreateStatsStmt: (ctx, body) => {
    // ANALYZE computes its expressions.
    definitions.judgeCalls(ctx, body['exprs']);
    return onRelations(ctx, 'create', list(body, 'relations'), 'statistics');
  },
  DefineStmt: definitions.defineObject,
  CompositeTypeStmt: (ctx, body) => definitions.createType(ctx, body, 'typevar'),
  CreateEnumStmt: (ctx, body) => definitions.createType(ctx, body, 'typeName'),
  CreateRangeStmt: (ctx, body) => definitions.createType(ctx, body, 'typeName'),
  CreateDomainStmt: (ctx, body) => {
    definitions.judgeCalls(ctx, body['constraints']);
    inferStored(ctx, constraintExpressions(body['constraints']), []);
    return defineInSchema(ctx, 'create', 'OBJECT_DOMAIN', list(body, 'domainname'));
  },
  CreateConversionStmt: inSchema('create', 'OBJECT_CONVERSION', 'conversion_name'),
  CreateOpClassStmt: inSchema('create', 'OBJECT_OPCLASS', 'opclassname'),
  CreateOpFamilyStmt: inSchema('create', 'OBJECT_OPFAMILY', 'opfamilyname'),
  CreateCastStmt: (ctx) => defineGlobal(ctx, 'create', 'cast', 'cast'),
  CreateTransformStmt: (ctx) => defineGlobal(ctx, 'create', 'transform', 'transform'),
  CreateExtensionStmt: both(global('create', 'extension', 'extname'), control('loadLibrary', 'extension')),
  CreatePLangStmt: both(global('create', 'language', 'plname'), control('loadLibrary', 'language')),
  CreateAmStmt: both(global('create', 'access method', 'amname'), control('loadLibrary', 'access method')),
  CreateFdwStmt: both(global('create', 'fdw', 'fdwname'), control('loadLibrary', 'fdw')),
  CreateForeignServerStmt: global('create', 'foreign server', 'servername'),
  CreateUserMappingStmt: global('create', 'user mapping', 'servername'),
  CreateEventTrigStmt: (ctx, body) => {
    const names = namesOf(list(body, 'funcname'));
    inferTriggerCode(ctx, names.at(-2) ?? '', names.at(-1) ?? '');
    return defineGlobal(ctx, 'create', 'event trigger', text(body, 'trigname'));
  },
  CreatePublicationStmt: both(global('create', 'publication', 'pubname'), control('replicate', 'publication')),
  CreateSubscriptionStmt: both(global('create', 'subscription', 'subname'), control('replicate', 'subscription')),
  CreateTableSpaceStmt: global('create', 'tablespace', 'tablespacename'),
  CreatedbStmt: global('create', 'database', 'dbname'),
  ImportForeignSchemaStmt: global('create', 'foreign schema', 'local_schema'),
  CommentStmt: analyseComment,
  SecLabelStmt: (ctx, body) => define(ctx, 'alter', namedObject(ctx, text(body, 'objtype'), body['object'])),

  AlterTableStmt: definitions.alterTable,
  RenameStmt: (ctx, body) => definitions.rename(ctx, body, text(body, 'renameType')),
  AlterObjectSchemaStmt: (ctx, body) => definitions.rename(ctx, body, text(body, 'objectType')),
  AlterObjectDependsStmt: (ctx, body) =>
    define(ctx, 'alter', namedObject(ctx, text(body, 'objectType'), body['object'] ?? { RangeVar: body['relation'] })),
  AlterOwnerStmt: analyseOwner,
  AlterSeqStmt: sequence('alter'),
  AlterFunctionStmt: (ctx, body) => {
    inferRedefined(ctx, list(child(body, 'func') ?? {}, 'objname'));
    return define(ctx, 'alter', namedObject(ctx, 'OBJECT_FUNCTION', { ObjectWithArgs: child(body, 'func') ?? {} }));
  },
  AlterDomainStmt: (ctx, body) => {
    definitions.judgeCalls(ctx, body['def']);
    // SET DEFAULT carries its expression bare, ADD CONSTRAINT inside a Constraint.
    const added = bodyOf(body['def'], 'Constraint') !== null;
    inferStored(ctx, added ? constraintExpressions([body['def']]) : [body['def']], []);
    if (/^[CVO]$/.test(text(body, 'subtype'))) inferDomain(ctx, namesOf(list(body, 'typeName')).at(-1) ?? '');
    return defineInSchema(ctx, 'alter', 'OBJECT_DOMAIN', list(body, 'typeName'));
  },
  AlterEnumStmt: inSchema('alter', 'OBJECT_TYPE', 'typeName'),
  AlterTypeStmt: inSchema('alter', 'OBJECT_TYPE', 'typeName'),
  AlterCollationStmt: inSchema('alter', 'OBJECT_COLLATION', 'collname'),
  AlterStatsStmt: inSchema('alter', 'OBJECT_STATISTIC_EXT', 'defnames'),
  AlterOperatorStmt: (ctx, body) =>
    define(ctx, 'alter', namedObject(ctx, 'OBJECT_OPERATOR', { ObjectWithArgs: child(body, 'opername') ?? {} })),
  AlterOpFamilyStmt: inSchema('alter', 'OBJECT_OPFAMILY', 'opfamilyname'),
  AlterTSConfigurationStmt: inSchema('alter', 'OBJECT_TSCONFIGURATION', 'cfgname'),
  AlterTSDictionaryStmt: inSchema('alter', 'OBJECT_TSDICTIONARY', 'dictname'),
  AlterPolicyStmt: policy('alter'),
  AlterExtensionStmt: both(global('alter', 'extension', 'extname'), control('loadLibrary', 'extension')),
  AlterExtensionContentsStmt: global('alter', 'extension', 'extname'),
  AlterFdwStmt: both(global('alter', 'fdw', 'fdwname'), control('loadLibrary', 'fdw')),
  AlterForeignServerStmt: global('alter', 'foreign server', 'servername'),
  AlterUserMappingStmt: global('alter', 'user mapping', 'servername'),
  AlterEventTrigStmt: global('alter', 'event trigger', 'trigname'),
  AlterPublicationStmt: both(global('alter', 'publication', 'pubname'), control('replicate', 'publication')),
  AlterSubscriptionStmt: both(global('alter', 'subscription', 'subname'), control('replicate', 'subscription')),
  AlterTableSpaceOptionsStmt: global('alter', 'tablespace', 'tablespacename'),
  AlterTableMoveAllStmt: global('alter', 'tablespace', 'orig_tablespacename'),
  AlterDatabaseStmt: global('alter', 'database', 'dbname'),
  AlterDatabaseRefreshCollStmt: global('alter', 'database', 'dbname'),
  AlterDatabaseSetStmt: (ctx, body) => analyseStoredSetting(ctx, 'database', text(body, 'dbname'), body),
  AlterRoleSetStmt: (ctx, body) => analyseStoredSetting(ctx, 'role', roleName(child(body, 'role')) || 'all', body),
  AlterSystemStmt: (ctx, body) => {
    const name = text(child(body, 'setstmt') ?? {}, 'name') || 'all';
    ctx.findings.add('alterSystem', 'Object', [name.toLowerCase()], { object: name.toLowerCase() });
    return null;
  },

  DropStmt: definitions.drop,
  DropdbStmt: global('drop', 'database', 'dbname'),
  DropTableSpaceStmt: global('drop', 'tablespace', 'tablespacename'),
  DropUserMappingStmt: global('drop', 'user mapping', 'servername'),
  DropSubscriptionStmt: both(global('drop', 'subscription', 'subname'), control('replicate', 'subscription')),
  DropOwnedStmt: (ctx, body) => analyseOwned(ctx, 'drop', body),
  ReassignOwnedStmt: (ctx, body) => analyseOwned(ctx, 'alter', body),

  GrantStmt: analyseGrant,
  AlterDefaultPrivilegesStmt: (ctx, body) => analyseGrant(ctx, child(body, 'action') ?? {}),
  GrantRoleStmt: analyseGrantRole,
  CreateRoleStmt: (ctx, body) => analyseRole(ctx, 'create', [text(body, 'role')]),
  AlterRoleStmt: (ctx, body) => analyseRole(ctx, 'alter', [roleName(child(body, 'role'))]),
  DropRoleStmt: (ctx, body) =>
    analyseRole(
      ctx,
      'drop',
      list(body, 'roles').map((node) => roleName(bodyOf(node, 'RoleSpec'))),
    ),
  LoadStmt: control('loadLibrary', 'library'),

  RefreshMatViewStmt: (ctx, body) => {
    const { relation } = readRelation(ctx, child(body, 'relation') ?? {}, 'refresh', { object: 'materialized view' });
    if (relation !== null) noteComputed(ctx, relation, null);
    return null;
  },
  VacuumStmt: (ctx, body) => {
    const relations = list(body, 'rels').map((node) => ({
      RangeVar: child(bodyOf(node, 'VacuumRelation') ?? {}, 'relation') ?? {},
    }));
    return maintain(ctx, flag(body, 'is_vacuumcmd') ? 'vacuum' : 'analyze', relations);
  },
  ClusterStmt: (ctx, body) => {
    inferOrdered(ctx, child(body, 'relation'));
    return maintain(ctx, 'cluster', bare(body));
  },
  ReindexStmt: (ctx, body) => maintain(ctx, 'reindex', text(body, 'kind') === 'REINDEX_OBJECT_TABLE' ? bare(body) : []),
  CheckPointStmt: (ctx) => maintain(ctx, 'checkpoint', []),
};

/** Nodes that only the server's own planner or plpgsql makes, or that stand inside other statements: never at the top. */
export const innerNodes: ReadonlySet<string> = new Set([
  'RawStmt',
  'SetOperationStmt',
  'PLAssignStmt',
  'ReplicaIdentityStmt',
]);

/** SELECT INTO gives no rows; in a set operation INTO stands in the leftmost SELECT. */
function hasInto(body: Body): boolean {
  const left = child(body, 'larg');
  return body['intoClause'] !== undefined || (left !== null && hasInto(left));
}

/** A sequence; OWNED BY ties it to a column, with which it is dropped then. PostgreSQL, CREATE SEQUENCE. */
function sequence(action: 'create' | 'alter'): Handler {
  return (ctx, body) => {
    for (const node of list(body, 'options')) {
      const option = bodyOf(node, 'DefElem') ?? {};
      // OWNED BY NONE is one name, a column at least two.
      if (text(option, 'defname') === 'owned_by' && objectNames(option['arg']).length > 1)
        define(ctx, 'alter', namedObject(ctx, 'OBJECT_COLUMN', option['arg']));
    }
    return define(ctx, action, namedObject(ctx, 'OBJECT_SEQUENCE', { RangeVar: child(body, 'sequence') ?? {} }));
  };
}

/** ACCESS SHARE is the lock that SELECT itself takes. PostgreSQL 13.3.1. */
const accessShareLock = 1;

function analyseLock(ctx: Context, body: Body): null {
  const weak = number(body, 'mode') === accessShareLock;
  return onRelations(ctx, weak ? 'select' : 'lockTable', list(body, 'relations'), weak ? 'lock' : '');
}

function onRelations(
  ctx: Context,
  action: 'truncate' | 'lockTable' | 'select' | 'create' | 'maintain',
  nodes: readonly unknown[],
  object = '',
): null {
  for (const node of nodes) addTableEffect(ctx, action, findRelation(ctx, bodyOf(node, 'RangeVar') ?? {}), { object });
  if (action === 'create') ctx.findings.changeCatalog();
  return null;
}

function maintain(ctx: Context, object: string, relations: readonly unknown[]): null {
  if (relations.length === 0) ctx.findings.addGlobal('maintain', object);
  return onRelations(ctx, 'maintain', relations, object);
}

function bare(body: Body): readonly unknown[] {
  const relation = child(body, 'relation');
  return relation === null ? [] : [{ RangeVar: relation }];
}

function analyseComment(ctx: Context, body: Body): null {
  const named = namedObject(ctx, text(body, 'objtype'), body['object']);
  ctx.findings.add('comment', named.type, named.path, { object: named.object, temporary: named.temporary });
  return null;
}

/** Conditions that the rows of a table must meet. */
function inferOnTable(
  ctx: Context,
  rangeVar: Body | null,
  nodes: readonly unknown[],
  aliases: readonly string[] = [],
): void {
  const { name, relation } = findRelation(ctx, rangeVar ?? {});
  inferStored(ctx, nodes, relation?.fields ?? [], [name, ...aliases]);
}

function noteTriggerFunction(ctx: Context, body: Body): null {
  definitions.judgeCalls(ctx, body['whenClause']);
  inferOnTable(ctx, child(body, 'relation'), [body['whenClause']], ['old', 'new']);
  inferFilled(ctx, body);
  const names = namesOf(list(body, 'funcname'));
  inferTriggerCode(ctx, names.at(-2) ?? '', names.at(-1) ?? '');
  definitions.judgeCalls(ctx, [
    {
      FuncCall: {
        funcname: objectNames({ List: { items: list(body, 'funcname') } }).map((sval) => ({ String: { sval } })),
      },
    },
  ]);
  return null;
}
