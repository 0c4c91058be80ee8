import type { CopyCsvOptions } from '../postgres-types.js';
import { bodyOf, child, constantOf, flag, list, namesOf, text, type Body } from './ast.js';
import type { Context } from './context.js';
import { inferWritten, judgeWritten } from './into.js';
import { addTableEffect, findRelation, readRelation, type NamedRelation } from './relations.js';
import { itemOf, Scope } from './scope.js';
import { clearOf, unknownValue, type Field, type Rows } from './value.js';

/** CopyStmt: from and to the client, a file of the server, or a program on it. */
export function analyseCopy(ctx: Context, body: Body): Rows | 'unknown' | null {
  const options = readOptions(list(body, 'options'));
  checkEncoding(ctx, options);
  const external = outside(ctx, body);
  if (flag(body, 'is_from')) {
    copyFrom(ctx, body, external);
    return null;
  }
  const rows = copiedRows(ctx, body);
  if (external) {
    // What goes to a file or a program cannot be masked on its way.
    inferWritten(ctx, rows);
    return null;
  }
  const written = format(options);
  ctx.findings.change({ type: 'copyOut', ...written, types: typesOf(ctx, rows, written.format) });
  return rows;
}

/**
 * The types of what is copied. In text a placeholder serves all types of its kind (0 is any number); in binary it must
 * be the very type, and what is computed may have another than the analysis thinks.
 */
function typesOf(ctx: Context, rows: Rows | 'unknown', form: 'text' | 'csv' | 'binary'): readonly number[] {
  if (rows === 'unknown' || rows.open) return [];
  return rows.fields.map(({ value }) => (form === 'binary' && value.derived ? 0 : ctx.catalog.typeOid(value.type)));
}

/** A DefElem's constant. */
type OptionValue = string | number | boolean;

/** A file or program is reached with the server's own rights. */
function outside(ctx: Context, body: Body): boolean {
  const file = text(body, 'filename');
  if (flag(body, 'is_program')) ctx.findings.addGlobal('copyProgram', 'program');
  else if (file !== '') ctx.findings.addGlobal('copyFile', 'file');
  return flag(body, 'is_program') || file !== '';
}

function copyFrom(ctx: Context, body: Body, external: boolean): void {
  const named = findRelation(ctx, child(body, 'relation') ?? {});
  addTableEffect(ctx, 'insert', named);
  addTableEffect(ctx, 'copyIn', named);
  judgeWritten(ctx, named.schema, named.name, named.relation?.fields ?? []);
  if (body['whereClause'] !== undefined) ctx.findings.infer(ctx.expr(body['whereClause'], sentRows(body, named)));
  if (!external) ctx.findings.change({ type: 'copyIn' });
}

/** What the condition of a COPY FROM sees: the client's own values, and defaults in the columns that it sends none for. */
function sentRows(body: Body, { name, relation }: NamedRelation): Scope {
  const sent = namesOf(list(body, 'attlist'));
  const fields = (relation?.fields ?? []).map((field): Field => {
    const isSent = sent.length === 0 || sent.includes(field.name);
    return isSent ? { name: field.name, value: clearOf(field.value.type) } : field;
  });
  return new Scope(null, [itemOf({ alias: name, schema: '', fields, open: relation === null, relation })]);
}

function copiedRows(ctx: Context, body: Body): Rows | 'unknown' {
  const relation = child(body, 'relation');
  if (relation === null) {
    const rows = ctx.statement(body['query'], null);
    const read = ctx.findings.effects.filter(
      (effect) => effect.resource.type === 'Table' && effect.action === 'select',
    );
    for (const effect of read) ctx.findings.addEffect({ ...effect, action: 'copyOut' });
    if (read.length === 0) ctx.findings.addGlobal('copyOut', '');
    return rows ?? 'unknown';
  }
  const source = readRelation(ctx, relation, 'select');
  addTableEffect(ctx, 'copyOut', findRelation(ctx, relation));
  const names = namesOf(list(body, 'attlist'));
  if (names.length === 0) return { fields: source.fields, open: source.open };
  const fields = names.map((name): Field => ({
    name,
    value: source.fields.find((field) => field.name === name)?.value ?? unknownValue,
  }));
  return { fields, open: false };
}

/** Another encoding on the wire would reach the masker as other characters than it judges. */
function checkEncoding(ctx: Context, options: ReadonlyMap<string, OptionValue>): void {
  const encoding = options.get('encoding');
  if (encoding === undefined || /^utf-?8$/i.test(String(encoding))) return;
  ctx.findings.add('setParameter', 'Object', ['client_encoding'], { object: 'client_encoding' });
}

/** DefElems by name; a bare option is true. */
function readOptions(nodes: readonly unknown[]): ReadonlyMap<string, OptionValue> {
  const options = new Map<string, OptionValue>();
  for (const node of nodes) {
    const element = bodyOf(node, 'DefElem') ?? {};
    options.set(text(element, 'defname'), element['arg'] === undefined ? true : (constantOf(element['arg']) ?? true));
  }
  return options;
}

function format(options: ReadonlyMap<string, OptionValue>): {
  readonly format: 'text' | 'csv' | 'binary';
  readonly csv: CopyCsvOptions;
} {
  const named = String(options.get('format') ?? 'text').toLowerCase();
  const kind = named === 'csv' || named === 'binary' ? named : 'text';
  const given = (name: string, fallback: string): string => {
    const value = options.get(name);
    return typeof value === 'string' ? value : fallback;
  };
  const quote = given('quote', '"');
  const csv: CopyCsvOptions = {
    delimiter: given('delimiter', kind === 'csv' ? ',' : '\t'),
    nullText: given('null', kind === 'csv' ? '' : '\\N'),
    quote,
    escape: given('escape', quote),
    header: isOn(options.get('header')),
  };
  return { format: kind, csv };
}

/** `header`, `header true`, `header on`, `header 1`, `header match`. */
function isOn(value: OptionValue | undefined): boolean {
  return value !== undefined && value !== false && value !== 0 && !/^(false|off|0|no)$/i.test(String(value));
}
