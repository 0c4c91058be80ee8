import type { CatalogHandle, OutputColumn, StatementAnalysis } from '../../analysis/postgres-types.js';
import type { Effect } from '../../analysis/effects.js';
import { treatmentFor } from '../../masking/treatment.js';
import type { ColumnTreatment } from '../../masking/types.js';
import { revealFor, type MaskingSetup } from './result-plan.js';

/** A COPY's columns as its masker wants them. The response names no type: the analysis knows them, or nobody does. */
export interface PlannedCopyColumn {
  readonly name: string;
  readonly typeOid: number;
  readonly treatment: ColumnTreatment;
  /** What of it is protected and goes out in clear, as `reveal` effects. */
  readonly revealed: readonly Effect[];
}

/** Decides every column of COPY … TO STDOUT from lineage alone: a COPY has no RowDescription that could name an origin. */
export function copyTreatments(
  count: number,
  statement: StatementAnalysis,
  catalog: CatalogHandle,
  setup: MaskingSetup,
): readonly PlannedCopyColumn[] {
  const { output } = statement;
  const lineage = Array.isArray(output) && output.length === count ? (output as readonly OutputColumn[]) : null;
  const copy = statement.changes.find((change) => change.type === 'copyOut');
  const types = copy?.type === 'copyOut' && copy.types.length === count ? copy.types : [];
  const reveal = revealFor(catalog, setup);
  return Array.from({ length: Math.max(0, count) }, (_, i) => {
    const column = lineage?.[i];
    const { treatment } = treatmentFor({ origin: undefined, lineage: column }, setup.classification, reveal);
    const revealed = reveal.take();
    return {
      revealed: treatment.kind === 'clear' ? revealed : [],
      name: column?.name ?? `column ${i + 1}`,
      typeOid: types[i] ?? 0,
      treatment,
    };
  });
}
