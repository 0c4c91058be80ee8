import { describeEffect, type Effect } from '../../analysis/effects.js';
import { parseEffect } from '../../policy/effect-text.js';
import type { Configuration } from '../configuration.js';
import type { Engines } from '../engines.js';
import { type RecordedOperation, recordedPrincipal } from './recorded-operations.js';

export interface RecoveredEffects {
  readonly effects: readonly Effect[];
  /** Read again from the text, with every fact; otherwise from their descriptions, whose facts are the plain ones. */
  readonly exact: boolean;
  readonly maskedColumns: readonly string[];
}

/**
 * The effects of a recorded operation. A journal describes them without their facts, so the text is read again; only if
 * that gives the very same effects is it what was judged then (a changed catalog or an EXECUTE may give others).
 */
export async function recoverEffects(
  { open, operation }: RecordedOperation,
  configuration: Configuration,
  engines: Engines,
): Promise<RecoveredEffects | null> {
  const target = configuration.targets.get(open.target.name);
  if (target !== undefined && target.kind === open.target.kind) {
    try {
      const again = await engines
        .of(target)
        .explain(recordedPrincipal(open), target, configuration.classification, operation.text, operation.parameters);
      const effects = again.effects.map(({ effect }) => effect);
      if (sameEffects(effects.map(describeEffect), operation.effects))
        return { effects, exact: true, maskedColumns: again.maskedColumns };
    } catch {
      // The text can no longer be read, or its target not be reached: what was recorded is what there is.
    }
  }
  const effects = operation.effects.map((text) => parseEffect(text));
  const known = effects.filter((effect) => effect !== null);
  return known.length === effects.length ? { effects: known, exact: false, maskedColumns: [] } : null;
}

function sameEffects(a: readonly string[], b: readonly string[]): boolean {
  return JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
}
