import type { ActionName } from '../effects.js';
import { bodyOf, child, flag, list, text, type Body } from './ast.js';
import type { Context } from './context.js';
import { define, defineGlobal } from './define.js';
import { namedObject, objectName } from './object-types.js';
import { addSetting } from './set-config.js';

/** GRANT and REVOKE on objects, on all of a schema, or by default. */
export function analyseGrant(ctx: Context, body: Body): null {
  const action: ActionName = flag(body, 'is_grant') ? 'grant' : 'revoke';
  const kind = text(body, 'objtype');
  const isWholeSchema = text(body, 'targtype') === 'ACL_TARGET_ALL_IN_SCHEMA';
  const objects = list(body, 'objects');
  if (objects.length === 0) ctx.findings.addGlobal(action, objectName(kind));
  for (const node of objects) {
    const named = namedObject(ctx, isWholeSchema ? 'OBJECT_SCHEMA' : kind, node);
    ctx.findings.add(action, named.type, named.path, { object: objectName(kind), temporary: named.temporary });
  }
  return null;
}

/** GRANT role TO role. */
export function analyseGrantRole(ctx: Context, body: Body): null {
  const action: ActionName = flag(body, 'is_grant') ? 'grant' : 'revoke';
  for (const node of list(body, 'granted_roles'))
    ctx.findings.add(action, 'Object', [text(bodyOf(node, 'AccessPriv') ?? {}, 'priv_name')], { object: 'role' });
  return null;
}

/** CREATE, ALTER and DROP ROLE are definitions and control at once: who may do what. */
export function analyseRole(ctx: Context, action: 'create' | 'alter' | 'drop', names: readonly string[]): null {
  for (const name of names) {
    ctx.findings.add(action, 'Object', [name], { object: 'role' });
    ctx.findings.add(action === 'drop' ? 'revoke' : 'grant', 'Object', [name], { object: 'role' });
  }
  return null;
}

/** The name of a RoleSpec without its tag; CURRENT_USER and PUBLIC have none. */
export function roleName(body: Body | null): string {
  return body === null ? '' : text(body, 'rolename') || text(body, 'roletype').replace('ROLESPEC_', '').toLowerCase();
}

/** ALTER ROLE … SET, ALTER DATABASE … SET: a parameter of every later login, never safe. */
export function analyseStoredSetting(ctx: Context, object: string, name: string, body: Body): null {
  ctx.findings.add('alter', 'Object', [name], { object });
  const setting = child(body, 'setstmt') ?? {};
  addSetting(ctx, text(setting, 'name') || 'all', null);
  return null;
}

/** ALTER … OWNER TO: the new owner's rights. */
export function analyseOwner(ctx: Context, body: Body): null {
  const relation = child(body, 'relation');
  const named = namedObject(ctx, text(body, 'objectType'), relation === null ? body['object'] : { RangeVar: relation });
  define(ctx, 'alter', named);
  ctx.findings.add('grant', named.type, named.path, { object: 'owner', temporary: named.temporary });
  return null;
}

/** REASSIGN OWNED, DROP OWNED. */
export function analyseOwned(ctx: Context, action: 'alter' | 'drop', body: Body): null {
  for (const node of list(body, 'roles')) {
    const name = roleName(bodyOf(node, 'RoleSpec'));
    defineGlobal(ctx, action, 'owned', name);
    ctx.findings.add(action === 'alter' ? 'grant' : 'revoke', 'Object', [name], { object: 'owned' });
  }
  return null;
}
