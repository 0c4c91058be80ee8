import { labelId } from './entities.js';
import type { Policy } from './policies.js';
import { annotationAt, entityMentions } from './policy-text.js';
import { placeAt, type ProblemList, suggest } from './problems.js';
import type { TargetRef } from './types.js';

/** What else the bundle defines, by name. */
export interface Names {
  readonly groups: readonly string[];
  readonly classes: readonly string[];
  readonly targets: readonly TargetRef[];
}

/**
 * Checks the names that policies use against the rest of the bundle. A forbid for a misspelt group or class would guard
 * nothing, so those are errors; labels and targets may be about to come, so those are warnings.
 */
export function checkReferences(
  policies: readonly Policy[],
  files: ReadonlyMap<string, string>,
  names: Names,
  problems: ProblemList,
): void {
  const labels = [
    ...new Set(
      names.targets.flatMap(({ labels }) => Object.entries(labels).map(([key, value]) => labelId(key, value))),
    ),
  ];
  const targets = names.targets.map(({ name }) => name);
  for (const { source, approvals } of policies) {
    const text = files.get(source.file) ?? '';
    const check = (
      kind: string,
      name: string,
      at: number,
      known: readonly string[],
      severity: 'error' | 'warning',
      message: string,
    ): void => {
      if (!known.includes(name))
        problems.add(severity, source.file, placeAt(text, at), `${kind} "${name}" ${message}`, suggest(name, known));
    };
    for (const { type, id, at } of entityMentions(source)) {
      if (type === 'Group') check('group', id, at, names.groups, 'error', 'is not in bindings.yaml');
      if (type === 'Class') check('class', id, at, names.classes, 'error', 'is not in classification.yaml');
      if (type === 'Label') check('label', id, at, labels, 'warning', 'is on no target');
      if (type === 'Target') check('target', id, at, targets, 'warning', 'is not in targets.yaml');
    }
    for (const { group } of approvals) {
      check('group', group, annotationAt(source, 'approval'), names.groups, 'error', 'is not in bindings.yaml');
    }
  }
}
