import { bodyOf, flag, itemsOf, list, namesOf, stringOf, text, type Body } from './ast.js';
import type { Context } from './context.js';
import { Findings } from './findings.js';
import { Scope } from './scope.js';
import { statementsOf } from './sql-functions.js';
import { isRunByTriggers, isStamp } from './trigger-code.js';
import { clear, type Value } from './value.js';

/**
 * CREATE OR REPLACE of a function that views, constraints, indexes or policies are made of: they were judged with what it
 * gave before, and run with what it gives from now on, without a word of it. What the new body shows of protected values
 * is inferred there; what it shows in another language nobody knows.
 */
export function inferReplaced(ctx: Context, body: Body): void {
  if (!ctx.catalog.isClassified) return;
  if (mayKeepInSetting(body)) ctx.findings.inferAll();
  const names = list(body, 'funcname');
  const isRun = isRunByTriggers(ctx, namesOf(names).at(-1) ?? '') && !isStamp(sourceOf(body));
  if (isRun || (flag(body, 'replace') && isUsed(ctx, names))) inferBody(ctx, body);
}

/**
 * Code can put what it reads into a setting, which SHOW and ParameterStatus tell: by `set_config`, through others, or by a text
 * that it runs. What code in yet another language does nobody knows.
 */
function mayKeepInSetting(body: Body): boolean {
  const source = sourceOf(body);
  const language = stringOf(option(body, 'language')).toLowerCase();
  if (source === null)
    return bodyOf(body['sql_body'], 'List') !== null && namesSetting(JSON.stringify(body['sql_body']));
  if (language === 'sql') return namesSetting(source);
  return language !== 'plpgsql' || namesSetting(source) || /\bexecute\b/i.test(source);
}

const namesSetting = (source: string): boolean => /set_config|pg_settings|u&"/i.test(source);

/** The same of a function that an aggregate is made of. */
export function inferSetting(ctx: Context, definition: unknown): void {
  if (namesSetting(JSON.stringify(definition) ?? '')) ctx.findings.inferAll();
}

/** The same of an aggregate, whose functions are named, and of a function whose names get another meaning (SET search_path). */
export function inferRedefined(ctx: Context, names: readonly unknown[]): void {
  if (!ctx.catalog.isClassified) return;
  if (isUsed(ctx, names) || isRunByTriggers(ctx, namesOf(names).at(-1) ?? '')) ctx.findings.inferAll();
}

function isUsed(ctx: Context, nodes: readonly unknown[]): boolean {
  const names = namesOf(nodes);
  const { user } = ctx.catalog.functions(names.at(-2) ?? '', names.at(-1) ?? '', -1);
  return user.some((fn) => fn.used === true);
}

function inferBody(ctx: Context, body: Body): void {
  const findings = new Findings(ctx.catalog.root, ctx.catalog.protectedColumns);
  const inner = ctx.nested(findings, `replaced ${namesOf(list(body, 'funcname')).join('.')}`);
  const statements = statementsIn(ctx, body);
  const last = statements?.map((node) => inner.statement(node, parametersOf(body))).at(-1);
  if (last === undefined || last === 'unknown' || last?.open === true) return ctx.findings.inferAll();
  for (const { value } of last?.fields ?? []) ctx.findings.infer(value);
  for (const effect of findings.effects) if (effect.action === 'infer') ctx.findings.addEffect(effect);
}

/** Null: it is in another language, or cannot be read. */
function statementsIn(ctx: Context, body: Body): readonly unknown[] | null {
  if (body['sql_body'] !== undefined) return statementsOf(body['sql_body']);
  const source = sourceOf(body);
  if (stringOf(option(body, 'language')).toLowerCase() !== 'sql' || source === null) return null;
  try {
    return ctx.parse(source).map(({ node }) => node);
  } catch {
    return null; // the server will not take it either
  }
}

function option(body: Body, name: string): unknown {
  return list(body, 'options')
    .map((node) => bodyOf(node, 'DefElem') ?? {})
    .find((element) => text(element, 'defname') === name)?.['arg'];
}

function sourceOf(body: Body): string | null {
  const [source] = itemsOf(option(body, 'as'));
  return source === undefined ? null : stringOf(source);
}

function parametersOf(body: Body): Scope {
  const names = list(body, 'parameters').map((node) => text(bodyOf(node, 'FunctionParameter') ?? {}, 'name'));
  const named = new Map<string, Value>(names.filter((name) => name !== '').map((name) => [name, clear]));
  return new Scope(
    null,
    [],
    names.map(() => clear),
    named,
  );
}
