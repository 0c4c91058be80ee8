import type { ClassifiedColumns } from '../analysis/postgres-types.js';
import type { Classification } from '../masking/types.js';
import { globTest } from '../lib/glob.js';
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
    if (targets.length > 0 && !targets.some(globTest(target))) {
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
    if (!globTest(entry.target)(target.name)) return [];
    const [schema, table, column] = entry.column.split('.');
    return schema === undefined || table === undefined || column === undefined
      ? []
      : [{ schema, table, column, class: entry.class }];
  });
  return { target: target.name, columns };
}
