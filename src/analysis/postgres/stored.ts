import type { ActionName } from '../effects.js';
import { bodyOf, itemsOf, list, tagged } from './ast.js';
import type { Context } from './context.js';
import { parseDefinition } from './definition.js';
import { functionLine } from './object-line.js';
import type { Relation } from './relation.js';
import { Scope } from './scope.js';

/** pg_trigger.tgtype's bits. PostgreSQL, catalog/pg_trigger.h. */
const triggerBits: Readonly<Record<string, number>> = { insert: 4, delete: 8, update: 16, truncate: 32 };
const volatilities = { i: 'immutable', s: 'stable', v: 'volatile' } as const;

/**
 * What a write sets off beside itself: the functions of triggers, the statements of rules, the calls of defaults and
 * generated columns, and what foreign keys delete or set along with it. They are effects of the statement that writes.
 */
export function followWrite(ctx: Context, relation: Relation, action: ActionName): void {
  const bit = triggerBits[action];
  const label = `${action} ${relation.oid}`;
  if (bit === undefined || ctx.calls.includes(label)) return;
  const inner = ctx.nested(ctx.findings, label);
  if (action === 'insert' || action === 'update')
    for (const call of relation.written[action]) ctx.findings.addEffect(call);
  for (const { triggers, rules, referring } of ctx.catalog.attached(relation.oid)) {
    for (const trigger of triggers)
      if ((trigger.type & bit) !== 0) noteTrigger(ctx, trigger.functionSchema, trigger.functionName);
    for (const rule of rules) if (rule.event === action) followRule(inner, relation, rule.definition);
    if (action === 'delete') for (const key of referring) passOn(inner, key.child, key.onDelete);
  }
}

/** They change no definition that is known of here, yet event triggers run for them. PostgreSQL 40.2. */
const alsoFiring: ReadonlySet<ActionName> = new Set<ActionName>(['comment', 'grant', 'revoke', 'refresh']);

/** What a definition sets off beside itself: the functions of event triggers. */
export function followDefinition(ctx: Context): void {
  const { changes, effects } = ctx.findings;
  const fires =
    changes.some((change) => change.type === 'catalogChange') ||
    effects.some(
      ({ action, facts: { object } }) =>
        (alsoFiring.has(action) && object !== 'role') || (action === 'maintain' && object === 'reindex'),
    );
  if (!fires) return;
  for (const { functionSchema, functionName } of ctx.catalog.eventTriggers)
    noteTrigger(ctx, functionSchema, functionName);
}

function noteTrigger(ctx: Context, schema: string, name: string): void {
  const { builtin, user } = ctx.catalog.functions(schema, name, -1);
  const [fn] = [...user, ...builtin];
  for (const trigger of user) ctx.findings.objects.add(functionLine(trigger));
  ctx.findings.add('callFunction', 'Function', [schema, name], {
    source: user.length > 0 ? 'user' : builtin.length > 0 ? 'builtin' : 'unknown',
    volatility: fn === undefined ? 'unknown' : volatilities[fn.volatility],
  });
  // What it says in a notice or an error may hold the row.
  if (user.length > 0) ctx.findings.touchesProtected ||= ctx.catalog.isClassified;
}

/** RuleStmt as the catalog prints it; `old` and `new` are rows of the table. One that cannot be read may do anything. */
function followRule(ctx: Context, relation: Relation, definition: string | null): void {
  const body = definition === null ? null : bodyOf(parseDefinition(ctx.parse, definition), 'RuleStmt');
  if (body === null) return void ctx.statement(null, null);
  const row = { schema: '', fields: relation.fields, open: false, relation };
  const sources = ['old', 'new'].map((alias) => ({ ...row, alias }));
  const scope = new Scope(null, [{ columns: [], open: false, sources }]);
  if (body['whereClause'] !== undefined) ctx.findings.infer(ctx.expr(body['whereClause'], scope));
  for (const node of list(body, 'actions').flatMap(itemsOf)) if (tagged(node) !== null) ctx.statement(node, scope);
}

/** ON DELETE CASCADE deletes there too; SET NULL and SET DEFAULT update. */
function passOn(ctx: Context, child: number, letter: string): void {
  const relation = ctx.catalog.relationOf(child);
  const action = letter === 'c' ? 'delete' : letter === 'n' || letter === 'd' ? 'update' : null;
  if (relation === null || action === null) return;
  ctx.findings.add(action, 'Table', [relation.schema, relation.name]);
  followWrite(ctx, relation, action);
}
