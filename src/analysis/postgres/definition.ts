import type { ParseSql } from './context.js';
import { SqlSyntaxError } from './parser.js';

/** The node of a definition that the catalog keeps; one that the parser rejects is a statement that is not known. */
export function parseDefinition(parse: ParseSql, definition: string): unknown {
  try {
    return parse(definition)[0]?.node ?? null;
  } catch (error) {
    if (error instanceof SqlSyntaxError) return null;
    throw error;
  }
}
