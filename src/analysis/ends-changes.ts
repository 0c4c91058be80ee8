import type { SessionChange } from './postgres-types.js';

/** The end of a transaction or of what came since a savepoint: names may mean again what they meant before. */
export function endsChanges(change: SessionChange): boolean {
  if (change.type === 'savepoint') return change.action === 'rollback';
  return change.type === 'commit' || change.type === 'rollback';
}
