import { explained } from '../explained.js';
import { bodyOf, child, constantOf, flag, list, number, text, type Body } from './ast.js';
import type { Context } from './context.js';
import { transactionModes } from './settings.js';
import { Scope } from './scope.js';
import { clear, isTainted, unknownValue, type Rows } from './value.js';

/** CURSOR_OPT_HOLD, parsenodes.h: the cursor outlives its transaction. */
const cursorOptionHold = 0x20;

const transactionChanges: Readonly<Record<string, 'begin' | 'commit' | 'rollback'>> = {
  TRANS_STMT_BEGIN: 'begin',
  TRANS_STMT_START: 'begin',
  TRANS_STMT_COMMIT: 'commit',
  TRANS_STMT_ROLLBACK: 'rollback',
  TRANS_STMT_PREPARE: 'commit',
};
/** What policy tells two-phase commit by. */
const twoPhaseObjects: Readonly<Record<string, string>> = {
  TRANS_STMT_PREPARE: 'prepare',
  TRANS_STMT_COMMIT_PREPARED: 'prepared',
  TRANS_STMT_ROLLBACK_PREPARED: 'prepared',
};
const twoPhaseActions: Readonly<Record<string, 'prepare' | 'commit' | 'rollback'>> = {
  TRANS_STMT_PREPARE: 'prepare',
  TRANS_STMT_COMMIT_PREPARED: 'commit',
  TRANS_STMT_ROLLBACK_PREPARED: 'rollback',
};
const savepointActions: Readonly<Record<string, 'set' | 'release' | 'rollback'>> = {
  TRANS_STMT_SAVEPOINT: 'set',
  TRANS_STMT_RELEASE: 'release',
  TRANS_STMT_ROLLBACK_TO: 'rollback',
};

/** TransactionStmt, two-phase commit included. */
export function analyseTransaction(ctx: Context, body: Body): null {
  const kind = text(body, 'kind');
  ctx.findings.addGlobal('transaction', transactionModes(list(body, 'options')) || (twoPhaseObjects[kind] ?? ''));
  const change = transactionChanges[kind];
  if (change !== undefined) ctx.findings.change({ type: change });
  const twoPhase = twoPhaseActions[kind];
  if (twoPhase !== undefined) ctx.findings.change({ type: 'twoPhase', gid: text(body, 'gid'), action: twoPhase });
  if (kind === 'TRANS_STMT_COMMIT_PREPARED') ctx.findings.changeCatalog();
  const action = savepointActions[kind];
  if (action !== undefined) ctx.findings.change({ type: 'savepoint', name: text(body, 'savepoint_name'), action });
  return null;
}

/** PREPARE: the body is judged when it is executed. PostgreSQL, PREPARE. */
export function analysePrepare(ctx: Context, body: Body): null {
  const prepared = ctx.separately(body['query']);
  ctx.findings.addGlobal('prepare', '');
  if (prepared.touchesProtected) ctx.findings.touchesProtected = true;
  ctx.findings.change({ type: 'prepare', name: text(body, 'name'), body: prepared });
  return null;
}

/** EXECUTE: what it does and gives is the prepared statement's, which the engine knows. */
export function analyseExecute(ctx: Context, body: Body): 'unknown' {
  const scope = new Scope(null);
  for (const node of list(body, 'params')) {
    const value = ctx.expr(node, scope);
    ctx.findings.infer(value);
    ctx.findings.executed.push(value.literals);
  }
  ctx.findings.addGlobal('prepare', 'execute');
  ctx.findings.touchesProtected ||= ctx.catalog.isClassified;
  ctx.findings.change({ type: 'execute', name: text(body, 'name') });
  return 'unknown';
}

/** DEALLOCATE. */
export function analyseDeallocate(ctx: Context, body: Body): null {
  ctx.findings.addGlobal('prepare', 'deallocate');
  ctx.findings.change({ type: 'deallocate', name: text(body, 'name') || null });
  return null;
}

/** DECLARE CURSOR starts its query: its effects are this statement's. */
export function analyseDeclare(ctx: Context, body: Body): null {
  const cursor = ctx.separately(body['query']);
  for (const effect of cursor.effects) ctx.findings.addEffect(effect);
  for (const name of cursor.missing ?? []) ctx.findings.missing.add(name);
  if (cursor.touchesProtected) ctx.findings.touchesProtected = true;
  ctx.findings.carryAll(cursor.carries ?? []);
  const hold = (number(body, 'options') & cursorOptionHold) !== 0;
  ctx.findings.change({ type: 'declareCursor', name: text(body, 'portalname'), hold, body: cursor });
  return null;
}

/** FETCH and MOVE: rows of a cursor the engine knows. */
export function analyseFetch(ctx: Context, body: Body): 'unknown' | null {
  const move = flag(body, 'ismove');
  ctx.findings.addGlobal('fetch', move ? 'move' : '');
  ctx.findings.touchesProtected ||= ctx.catalog.isClassified;
  ctx.findings.change({ type: 'fetch', name: text(body, 'portalname'), move });
  return move ? null : 'unknown';
}

/** CLOSE. */
export function analyseClose(ctx: Context, body: Body): null {
  ctx.findings.addGlobal('fetch', 'close');
  ctx.findings.change({ type: 'closeCursor', name: text(body, 'portalname') || null });
  return null;
}

/** DISCARD: ALL also resets every parameter and role to the session's defaults. */
export function analyseDiscard(ctx: Context, body: Body): null {
  const target = text(body, 'target');
  ctx.findings.addGlobal('setSafeParameter', target.replace('DISCARD_', 'discard ').toLowerCase());
  ctx.findings.change({ type: 'discard', all: target === 'DISCARD_ALL' });
  // A dropped temporary table uncovers the one whose name it took.
  const dropsTemporary = target === 'DISCARD_ALL' || target === 'DISCARD_TEMP';
  if (dropsTemporary && ctx.catalog.hasTemporary) ctx.findings.changeCatalog();
  return null;
}

/** EXPLAIN plans its statement, and with ANALYZE runs it. */
export function analyseExplain(ctx: Context, body: Body): Rows {
  const inner = ctx.separately(body['query']);
  const options = list(body, 'options').map((node) => bodyOf(node, 'DefElem') ?? {});
  const runs = isAsked(options, 'analyze') ?? false;
  const asked = { runs, showsSizes: isAsked(options, 'costs') ?? true };
  const { effects, output } = explained(inner, { ...asked, root: ctx.catalog.root, mayHide: ctx.catalog.isClassified });
  for (const effect of effects) ctx.findings.addEffect(effect);
  ctx.findings.addGlobal('explain', runs ? 'analyze' : '');
  for (const name of inner.missing ?? []) ctx.findings.missing.add(name);
  if (inner.touchesProtected) ctx.findings.touchesProtected = true;
  if (runs) for (const copy of inner.copies ?? []) ctx.findings.addCopy(copy);
  for (const change of inner.changes) {
    if (change.type === 'execute') ctx.findings.change({ ...change, explained: asked });
    else if (runs && change.type === 'catalogChange') ctx.findings.change(change);
  }
  const fields = output.map(({ name, unknown }) => ({ name, value: unknown ? unknownValue : clear }));
  return { fields, open: false };
}

/** Whether an option of EXPLAIN is on; null when it is not given. Of several of one name any may count. */
function isAsked(options: readonly Body[], name: string): boolean | null {
  const given = options.filter((element) => text(element, 'defname').toLowerCase() === name);
  return given.length === 0 ? null : given.some(isOn);
}

function isOn(option: Body): boolean {
  const value = option['arg'] === undefined ? true : constantOf(option['arg']);
  return value === undefined || value === null || !/^(false|off|0|no)$/i.test(String(value));
}

/** CALL: a procedure with its body's effects where it can be read. */
export function analyseCallStatement(ctx: Context, body: Body): 'unknown' {
  const call = child(body, 'funccall') ?? {};
  const value = ctx.expr({ FuncCall: call }, new Scope(null));
  if (isTainted(value)) ctx.findings.touchesProtected = true;
  ctx.findings.changeCatalog();
  const path = list(call, 'funcname')
    .map((node) => constantOf(node))
    .filter((name) => typeof name === 'string');
  const schema = path.length > 1 ? (path[path.length - 2] ?? '') : ctx.catalog.creationSchema;
  ctx.findings.add('callProcedure', 'Function', [schema, path[path.length - 1] ?? ''], {
    source: 'user',
    volatility: 'volatile',
  });
  return 'unknown';
}

/** DO: code of any kind, which may read, write and print anything. */
export function analyseDo(ctx: Context): null {
  ctx.findings.addGlobal('doBlock', '');
  ctx.findings.inferAll();
  ctx.findings.touchesProtected ||= ctx.catalog.isClassified;
  ctx.findings.changeCatalog();
  return null;
}

/** LISTEN, NOTIFY, UNLISTEN. */
export function analyseChannel(ctx: Context, action: 'listen' | 'notify', body: Body): null {
  ctx.findings.add(action, 'Object', [text(body, 'conditionname') || '*'], { object: 'channel' });
  return null;
}
