import { SluiceError } from '../lib/errors.js';
import type { Effect } from './effects.js';
import type { QueryAnalysis, SessionChange } from './postgres-types.js';

/** Names the gateway gives to statements and portals; SQL may not use them. */
export const privatePrefix = 'sluice_';

/** Session settings the analysis relies on; no policy can permit to change them. */
const pinned = new Set([
  'client_encoding',
  'standard_conforming_strings',
  'search_path',
  'session_authorization',
  'backslash_quote',
  'transform_null_equals',
]);

const writes = new Set<Effect['action']>(['insert', 'update', 'delete', 'merge', 'copyIn']);

/** Why a query must be refused whatever policy says, or null. */
export function faultOf(analysis: QueryAnalysis): SluiceError | null {
  if (!analysis.ok) {
    // PostgreSQL's own parser has spoken: the same error as the server's, without asking it.
    return analysis.reason === 'syntax'
      ? new SluiceError('target_rejected', analysis.message, { decider: 'gateway', targetCode: '42601' })
      : new SluiceError('denied', analysis.message, { decider: 'gateway' });
  }
  return (
    pinnedFault(analysis.statements.flatMap(({ effects }) => effects)) ??
    reservedFault(analysis.statements.flatMap(({ changes }) => changes))
  );
}

function pinnedFault(effects: readonly Effect[]): SluiceError | null {
  const effect = effects.find(changesPinned);
  if (effect === undefined) return null;
  const name = effect.facts.object === '' ? 'of the session' : `"${effect.facts.object}"`;
  return new SluiceError('denied', `the setting ${name} is pinned: the gateway reads every statement under it.`, {
    decider: 'gateway',
  });
}

/** UPDATE of pg_settings sets whatever the row names (PostgreSQL 54.24). */
function changesPinned({ action, facts, resource }: Effect): boolean {
  if (action === 'setParameter') return pinned.has(facts.object.toLowerCase());
  if (action === 'setRole') return pinned.has(facts.object.toLowerCase()) && resource.path.at(-1) !== 'none';
  return writes.has(action) && resource.path.at(-1) === 'pg_settings' && resource.path.at(-2) === 'pg_catalog';
}

function reservedFault(changes: readonly SessionChange[]): SluiceError | null {
  const taken = changes.some(
    (change) => 'name' in change && typeof change.name === 'string' && change.name.startsWith(privatePrefix),
  );
  return taken
    ? new SluiceError('denied', `names that begin with "${privatePrefix}" belong to the gateway.`, {
        decider: 'gateway',
      })
    : null;
}
