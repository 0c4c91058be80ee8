import type { OutputColumn, ProtectedColumn, ProtectedOrigin } from '../analysis/postgres-types.js';
import type { Classification, ColumnTreatment } from './types.js';

/** What is known about where one result column comes from. */
export interface ColumnEvidence {
  /** From RowDescription's table OID and attribute number; undefined when that pair is not protected (or there is none). */
  readonly origin: ProtectedOrigin | undefined;
  /** From the statement's text. Missing counts as unknown. */
  readonly lineage: OutputColumn | 'unknown' | undefined;
}

/** What the `reveal` permission covers for this principal, here and now. */
export interface Reveal {
  isRevealed(source: ProtectedColumn): boolean;
  /** Every protected column of the target may be seen; only this clears a column whose lineage is unknown. */
  readonly everything: boolean;
}

export interface TreatmentVerdict {
  readonly treatment: ColumnTreatment;
  /** Origin says protected while lineage says clear: the analysis is wrong, which ends the session and alerts. */
  readonly disagrees: boolean;
}

const clear: ColumnTreatment = { kind: 'clear' };
const whole: ColumnTreatment = { kind: 'whole' };

/**
 * Decides what happens to one result column. Lineage is the control, origin the second opinion (design.md 3): either
 * one can protect a column, neither can clear what the other protects.
 */
export function treatmentFor(
  { origin, lineage }: ColumnEvidence,
  classification: Classification,
  reveal: Reveal,
): TreatmentVerdict {
  const originSources = origin?.sources ?? [];
  if (lineage === undefined || lineage === 'unknown' || lineage.unknown) {
    return { treatment: reveal.everything ? clear : whole, disagrees: false };
  }
  if (originSources.length > 0 && lineage.sources.length === 0) return { treatment: whole, disagrees: true };

  const hidden = [...lineage.sources, ...originSources].filter((source) => !reveal.isRevealed(source));
  const [first] = hidden;
  if (first === undefined) return { treatment: clear, disagrees: false };
  const derived = lineage.derived || (origin?.derived ?? false);
  if (derived || hidden.some((source) => source.class !== first.class)) return { treatment: whole, disagrees: false };
  return { treatment: classTreatment(first.class, classification), disagrees: false };
}

/** A class that classification no longer defines is still protected: it is redacted. */
function classTreatment(name: string, classification: Classification): ColumnTreatment {
  const defined = Object.hasOwn(classification.classes, name) ? classification.classes[name] : undefined;
  return { kind: 'class', class: name, masker: defined?.mask ?? 'redact' };
}
