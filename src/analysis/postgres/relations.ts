import type { ActionName, EffectFacts } from '../effects.js';
import { text, type Body } from './ast.js';
import { systemSchemas } from './classify.js';
import type { Context } from './context.js';
import { absentLine } from './object-line.js';
import type { Relation } from './relation.js';
import type { Source } from './scope.js';
import { followWrite } from './stored.js';
import { isStatistics } from './system-relations.js';

/** A relation as a statement names it, known or not. */
export interface NamedRelation {
  readonly schema: string;
  readonly name: string;
  readonly relation: Relation | null;
}

/** Finds what a RangeVar means. One that the catalog lacks may be protected, and is noted as missing. */
export function findRelation(ctx: Context, rangeVar: Body): NamedRelation {
  const name = text(rangeVar, 'relname');
  const schema = text(rangeVar, 'schemaname');
  const relation = ctx.catalog.relation(schema, name);
  const where = relation?.schema ?? (schema || ctx.catalog.creationSchema);
  if (relation === null) {
    ctx.findings.missing.add(`${where}.${name}`);
    ctx.findings.objects.add(absentLine('relation', where, name));
    ctx.findings.touchesProtected ||= ctx.catalog.isClassified;
  } else if (relation.touchesProtected) ctx.findings.touchesProtected = true;
  if (relation !== null && !systemSchemas.has(relation.schema)) {
    ctx.findings.objects.add(ctx.catalog.identity(relation));
    for (const object of relation.objects) ctx.findings.objects.add(object);
  }
  return { schema: where, name, relation };
}

/** An effect on a relation. */
export function addTableEffect(
  ctx: Context,
  action: ActionName,
  named: NamedRelation,
  facts: Partial<EffectFacts> = {},
): void {
  ctx.findings.add(action, 'Table', [named.schema, named.name], { ...facts, temporary: named.schema === 'pg_temp' });
  if (named.relation === null) return;
  followWrite(ctx, named.relation, action);
  ctx.findings.compared.add(named.relation.oid);
  // They read every row in the order of its columns, or of an index.
  if (action === 'maintain' || action === 'create')
    for (const { value } of named.relation.fields) ctx.findings.noteCompared(value);
}

/** Reads or writes a relation: its effect, the calls its view makes, and its columns. */
export function readRelation(
  ctx: Context,
  rangeVar: Body,
  action: ActionName,
  facts: Partial<EffectFacts> = {},
): Source {
  const named = findRelation(ctx, rangeVar);
  addTableEffect(ctx, action, named, facts);
  const { relation } = named;
  ctx.findings.addCalls(relation?.calls ?? []);
  if (isStatistics(named.schema, named.name)) {
    ctx.findings.inferAll();
    ctx.findings.touchesProtected = true;
  }
  return {
    alias: named.name,
    schema: named.schema,
    fields: relation?.fields ?? [],
    open: relation === null,
    relation,
  };
}
