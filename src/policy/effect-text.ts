import { type ActionName, type Effect, type EffectFacts, plainFacts, type ResourceRef } from '../analysis/effects.js';
import { actionGroupOf } from './schema.js';

const types: Readonly<Record<string, ResourceRef['type']>> = {
  gateway: 'Gateway',
  target: 'Target',
  database: 'Database',
  schema: 'Schema',
  table: 'Table',
  column: 'Column',
  function: 'Function',
  object: 'Object',
  path: 'Path',
};
const form = /^(\w+) on (\w+) ([^\s(]+)(?: \((.*)\))?$/su;

/**
 * Reads what `describeEffect` wrote: "delete on table demo-db/shop/public/orders". A description does not hold the
 * effect's facts; those it does not name are the plain ones, unless given. Null when it is no such description.
 */
export function parseEffect(text: string, facts: Partial<EffectFacts> = {}): Effect | null {
  const [, action = '', kind = '', path = '', detail] = form.exec(text) ?? [];
  const type = Object.hasOwn(types, kind) ? types[kind] : undefined;
  if (!isAction(action) || type === undefined) return null;
  return {
    action,
    resource: { type, path: path.split('/') },
    facts: { ...plainFacts, ...detailFacts(action, detail), ...facts },
  };
}

export function isAction(name: string): name is ActionName {
  return actionGroupOf.has(name);
}

/** What stands in parentheses: a forwarding's destination, a program with its arguments. */
function detailFacts(action: ActionName, detail: string | undefined): Partial<EffectFacts> {
  if (detail === undefined) return {};
  if (actionGroupOf.get(action) === 'forwarding') return { destination: detail };
  const [program = '', ...rest] = detail.split(' ');
  return { command: detail, program: program.replace(/^.*\//, ''), arguments: rest };
}
