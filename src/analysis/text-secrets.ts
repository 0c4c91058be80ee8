import type { ProtectedColumn } from './postgres-types.js';
import { allLiterals } from './sql-literals.js';

/** What stands in an operation's own text and parameters that may be a protected value. */
export interface TextSecrets {
  /** Stretches of the text in UTF-16 units, in order, without overlap. No columns: nobody knows of which it is one. */
  readonly literals: readonly {
    readonly start: number;
    readonly end: number;
    readonly columns: readonly ProtectedColumn[];
  }[];
  /** Parameters by position from 1; position 0 stands for all of them. */
  readonly parameters: readonly { readonly position: number; readonly columns: readonly ProtectedColumn[] }[];
}

/** For a text of which nobody knows what its names mean: any constant may be a protected value. */
export function everySecret(text: string): TextSecrets {
  return {
    literals: allLiterals(text).map((stretch) => ({ ...stretch, columns: [] })),
    parameters: [{ position: 0, columns: [] }],
  };
}
