import type { KeyObject } from 'node:crypto';
import type { ByteOutput } from './byte-output.js';
import { maskContent, type Content } from './content.js';
import type { Detectors } from './detectors.js';
import { valueMasker } from './maskers.js';
import { placeholderFor } from './placeholders.js';
import type { ColumnTreatment } from './types.js';
import { contentKind } from './wire-types.js';

/** Not a value: the cell stays as it is. */
export const unchanged = Symbol('unchanged');
/** What becomes of a cell that is looked into: other bytes, SQL NULL, or nothing. */
export type Found = Buffer | null | typeof unchanged;

/**
 * Masks the cells of one column, bytes [start, end) each. Never throws: what cannot be masked is withheld. An interface
 * of its own for each kind, as most cells are of the first, and of the second nearly all stay as they are.
 */
export type CellMasker =
  | {
      readonly kind: 'write';
      /** SQL NULL is hidden as well: `write` is called with nothing. */
      readonly hidesNull: boolean;
      /** Writes the masked value, and says whether it is one: false is SQL NULL. */
      readonly write: (bytes: Buffer, start: number, end: number, out: ByteOutput) => boolean;
    }
  | { readonly kind: 'look'; readonly look: (bytes: Buffer, start: number, end: number) => Found };

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
  const withhold = (out: ByteOutput): boolean => {
    if (withheld !== null) out.append(withheld);
    return withheld !== null;
  };
  switch (treatment.kind) {
    case 'whole':
      return { kind: 'write', hidesNull: true, write: (_bytes, _start, _end, out) => withhold(out) };
    case 'class': {
      const mask = valueMasker({ masker: treatment.masker, class: treatment.class, typeOid, format, hashKey });
      return {
        kind: 'write',
        hidesNull: false,
        write: (bytes, start, end, out) => {
          const from = out.length;
          try {
            return mask(bytes, start, end, out);
          } catch {
            out.cut(from);
            return withhold(out);
          }
        },
      };
    }
    case 'clear': {
      const kind = contentKind(typeOid);
      if (kind === null || detectors === null) return null;
      const content: Content = { kind, typeOid, format, detectors };
      return {
        kind: 'look',
        look: (bytes, start, end) => {
          try {
            return maskContent(bytes, start, end, content) ?? unchanged;
          } catch {
            return withheld;
          }
        },
      };
    }
  }
}
