import { bodyOf, constantOf, list, text, type Body } from './ast.js';
import type { Context } from './context.js';
import { isRoleParameter } from './parameters.js';
import { addSetting } from './set-config.js';
import { clear, type Rows } from './value.js';

/** VariableSetStmt: SET, RESET, SET TRANSACTION, SET ROLE. */
export function analyseSet(ctx: Context, body: Body): null {
  const kind = text(body, 'kind');
  const name = text(body, 'name');
  switch (kind) {
    case 'VAR_SET_VALUE':
    case 'VAR_SET_CURRENT':
      addSetting(ctx, name, kind === 'VAR_SET_CURRENT' ? null : settingText(list(body, 'args')));
      return null;
    case 'VAR_SET_MULTI':
      setMany(ctx, name, body);
      return null;
    case 'VAR_RESET_ALL':
      // Back to the session's defaults, which are the gateway's pins because its startup message set them.
      ctx.findings.addGlobal('setSafeParameter', 'all');
      return null;
    case 'VAR_RESET':
    case 'VAR_SET_DEFAULT':
      reset(ctx, name);
      return null;
    default:
      ctx.findings.addGlobal('unknown', kind);
      return null;
  }
}

function reset(ctx: Context, name: string): void {
  if (isRoleParameter(name)) ctx.findings.add('setRole', 'Object', ['none'], { object: name.toLowerCase() });
  // Up to PostgreSQL 15 that of a transaction goes back to writing, whatever the session's default is.
  else if (name.toLowerCase() === 'transaction_read_only') addSetting(ctx, name, null);
  else ctx.findings.add('setSafeParameter', 'Object', [name.toLowerCase()], { object: name.toLowerCase() });
}

/** The value as the server joins it: `SET search_path TO a, b`. */
function settingText(nodes: readonly unknown[]): string {
  return nodes.map((node) => String(constantOf(node) ?? '')).join(', ');
}

/** SET TRANSACTION, SET SESSION CHARACTERISTICS AS TRANSACTION, SET TRANSACTION SNAPSHOT. */
function setMany(ctx: Context, name: string, body: Body): void {
  const object = transactionModes(list(body, 'args'));
  if (name.startsWith('SESSION CHARACTERISTICS') && object === 'read write') {
    addSetting(ctx, 'default_transaction_read_only', 'off');
    return;
  }
  ctx.findings.addGlobal('transaction', object);
}

/** `read write` when a statement asks for it, whatever else it asks for: a session held to reading must not have it. */
export function transactionModes(nodes: readonly unknown[]): string {
  const modes = nodes
    .map((node) => bodyOf(node, 'DefElem') ?? {})
    .filter((element) => text(element, 'defname') === 'transaction_read_only');
  if (modes.length === 0) return '';
  return modes.every((element) => isTrue(constantOf(element['arg']))) ? 'read only' : 'read write';
}

function isTrue(value: unknown): boolean {
  return value === true || (typeof value === 'number' && value !== 0);
}

/** SHOW: the value of one parameter, or all of them. */
export function analyseShow(ctx: Context, body: Body): Rows {
  const name = text(body, 'name');
  ctx.findings.add('show', 'Object', [name.toLowerCase()], { object: name.toLowerCase() });
  const names = name.toLowerCase() === 'all' ? ['name', 'setting', 'description'] : [name];
  return { fields: names.map((column) => ({ name: column, value: clear })), open: false };
}
