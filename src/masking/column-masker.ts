import type { KeyObject } from 'node:crypto';
import { maskContent, type Content } from './content.js';
import type { Detectors } from './detectors.js';
import { valueMasker } from './maskers.js';
import { placeholderFor } from './placeholders.js';
import type { ColumnTreatment } from './types.js';
import { contentKind } from './wire-types.js';

/** Not a value: the cell stays as it is. */
export const unchanged = Symbol('unchanged');
/** What becomes of a cell: other bytes, SQL NULL, or nothing. */
export type Masked = Buffer | null | typeof unchanged;

/**
 * Masks the cells of one column. `start` is -1 for SQL NULL. Never throws: what cannot be masked is withheld. The bytes
 * given are good until the next call.
 */
export type CellMasker = (bytes: Buffer, start: number, end: number) => Masked;

export interface ColumnFacts {
  readonly typeOid: number;
  readonly format: 0 | 1;
  readonly treatment: ColumnTreatment;
}

/**
 * The masker of one column; null when its cells are never touched. A plain protected column shows where it is NULL; a
 * value that is masked whole does not, wherever its type has a constant.
 */
export function cellMasker(column: ColumnFacts, detectors: Detectors | null, hashKey: KeyObject): CellMasker | null {
  const { typeOid, format, treatment } = column;
  const withheld = placeholderFor(typeOid, format);
  switch (treatment.kind) {
    case 'whole':
      return () => withheld;
    case 'class': {
      const mask = valueMasker({ masker: treatment.masker, class: treatment.class, typeOid, format, hashKey });
      return (bytes, start, end) => {
        if (start < 0) return unchanged;
        try {
          return mask(bytes, start, end);
        } catch {
          return withheld;
        }
      };
    }
    case 'clear': {
      const kind = contentKind(typeOid);
      if (kind === null || detectors === null) return null;
      const content: Content = { kind, typeOid, format, detectors };
      return (bytes, start, end) => {
        if (start < 0) return unchanged;
        try {
          return maskContent(bytes, start, end, content) ?? unchanged;
        } catch {
          return withheld;
        }
      };
    }
  }
}
