import { inferEffect } from './distrust.js';
import type { Effect } from './effects.js';
import type { ExplainOptions, OutputColumn, StatementAnalysis } from './postgres-types.js';

interface Whereabouts {
  readonly root: readonly [target: string, database: string];
  /** Anything is protected there. */
  readonly mayHide: boolean;
}

/** What EXPLAIN does to a statement without running it: it reads what it would read, and computes what is constant. */
const planned: ReadonlySet<Effect['action']> = new Set<Effect['action']>([
  'select',
  'infer',
  'callFunction',
  'unknown',
  'prepare',
]);

/**
 * EXPLAIN of a statement: its effects and its one column. The planner knows how wide each column is on the average, and
 * sorting takes memory for what there is: costs and ANALYZE show sizes of the protected columns that a plan carries, also
 * where their values would come masked.
 */
export function explained(
  statement: StatementAnalysis,
  { runs, showsSizes, root, mayHide }: ExplainOptions & Whereabouts,
): { readonly effects: readonly Effect[]; readonly output: readonly OutputColumn[] } {
  const effects: Effect[] = statement.effects.flatMap((effect): readonly Effect[] => {
    const own = runs || planned.has(effect.action) ? [effect] : [];
    return effect.resource.type === 'Table' ? [...own, { ...effect, action: 'explain' }] : own;
  });
  if (runs || showsSizes) effects.push(...(statement.carries ?? []).map((column) => inferEffect(root, column)));
  const unknown = mayHide && printsUnknown(statement);
  return { effects, output: [{ name: 'QUERY PLAN', sources: [], derived: unknown, unknown }] };
}

/** Planning computes immutable calls and prints what they gave: with user functions a plan may show anything. */
function printsUnknown({ effects, output }: StatementAnalysis): boolean {
  if (effects.some((effect) => effect.action === 'callFunction' && effect.facts.source !== 'builtin')) return true;
  return output === 'unknown' || (output ?? []).some((column) => column.unknown);
}
