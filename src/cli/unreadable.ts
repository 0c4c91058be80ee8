import { messageOf } from '../lib/errors.js';

/** Why something on this machine cannot be read; the usual reason in a person's words. */
export function unreadable(kind: string, path: string, cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  return code === 'ENOENT' ? `No such ${kind}: ${path}.` : `Cannot read the ${kind} ${path}: ${messageOf(cause)}`;
}
