import type { StatementAnalysis } from '../../analysis/postgres-types.js';
import { treatmentFor, type Reveal } from '../../masking/treatment.js';
import type { Classification } from '../../masking/types.js';
import type { Principal } from '../../policy/types.js';
import type { Explanation } from '../../sessions/engine.js';
import type { TargetConfig } from '../../sessions/types.js';
import type { Engine } from './service.js';
import { analyseQuery } from './judged-query.js';
import { revealEffect } from './result-plan.js';

interface Question {
  readonly principal: Principal;
  readonly target: TargetConfig;
  readonly classification: Classification;
  readonly text: string;
}

/** Analyses and judges a text as a fresh session of this principal would; nothing runs and nothing is recorded. */
export async function explainStatement(
  parts: Engine,
  { principal, target, classification, text }: Question,
): Promise<Explanation> {
  const { handle } = await parts.catalogs.load(target, classification);
  const query = await analyseQuery(parts.analyser, text, handle);
  if (query.fault !== null) throw query.fault;
  const policies = parts.sessions.policies();
  const ask = {
    principal,
    target,
    approvals: [],
    session: { rowsRead: 0, bytesRead: 0, statements: 0, seconds: 0 },
    reason: null,
  };
  const reveal: Reveal = {
    isRevealed: (source) => policies.reveals(ask, [revealEffect(target.name, handle.database, source)])[0] ?? false,
    everything: false,
  };
  const hidden = (statement: StatementAnalysis): readonly string[] =>
    (Array.isArray(statement.output)
      ? (statement.output as Exclude<StatementAnalysis['output'], 'unknown' | null>)
      : []
    )
      .filter(
        (lineage) => treatmentFor({ origin: undefined, lineage }, classification, reveal).treatment.kind !== 'clear',
      )
      .map((lineage) => lineage.name);
  return {
    secrets: query.secrets,
    objects: query.statements.flatMap((statement) => statement.objects ?? []),
    decision: policies.decide({ ...ask, effects: query.effects }),
    effects: query.effects.map((effect) => ({ effect, decision: policies.decide({ ...ask, effects: [effect] }) })),
    maskedColumns: query.statements.flatMap(hidden),
  };
}
