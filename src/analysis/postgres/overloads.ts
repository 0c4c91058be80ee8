import type { RawFunction } from '../postgres-types.js';
import { systemSchemas } from './classify.js';

/** The server's own: what somebody creates in a system schema later is still theirs. FirstNormalObjectId, transam.h. */
export function isBuiltin(fn: RawFunction): boolean {
  return systemSchemas.has(fn.schema) && (fn.oid < 16_384 || fn.language === 'internal');
}

/** Says whether a call may give it so many arguments; -1 is any number. */
export function takes(fn: RawFunction, count: number): boolean {
  if (count < 0) return true;
  const least = fn.minArgs ?? fn.argTypes.length;
  if (fn.variadic === true) return count >= least - 1;
  return count >= least && count <= fn.argTypes.length;
}
