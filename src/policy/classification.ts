import type { ClassifiedColumns } from '../analysis/postgres-types.js';
import type { Classification } from '../masking/types.js';
import { suggest } from './problems.js';
import type { YamlSource } from './yaml-source.js';

/** Checks what the schema cannot say: that every column's class exists, and its target. */
export function checkClassification(
  classification: Classification,
  source: YamlSource,
  targets: readonly string[],
): void {
  const classes = Object.keys(classification.classes);
  for (const [index, { target, class: name }] of classification.columns.entries()) {
    if (!Object.hasOwn(classification.classes, name))
      source.report('error', ['columns', index, 'class'], `unknown class "${name}"`, suggest(name, classes));
    if (targets.length > 0 && !targets.some((known) => matchesGlob(target, known))) {
      source.report(
        'warning',
        ['columns', index, 'target'],
        `no target is named "${target}"`,
        suggest(target, targets),
      );
    }
  }
}

/** The column patterns that apply to one target, split into their parts. */
export function narrowClassification(
  classification: Classification,
  target: { readonly name: string },
): ClassifiedColumns {
  const columns = classification.columns.flatMap((entry) => {
    if (!matchesGlob(entry.target, target.name)) return [];
    const [schema, table, column] = entry.column.split('.');
    return schema === undefined || table === undefined || column === undefined
      ? []
      : [{ schema, table, column, class: entry.class }];
  });
  return { target: target.name, columns };
}

/** `*` stands for any run of characters; everything else for itself. */
export function matchesGlob(pattern: string, name: string): boolean {
  const parts = pattern.split('*');
  const [first = ''] = parts;
  if (parts.length === 1) return pattern === name;
  const last = parts.at(-1) ?? '';
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= name.length - last.length;
}
