import type { EntityJson, TypeAndId } from '@cedar-policy/cedar-wasm/nodejs';
import type { Effect, ResourceRef } from '../analysis/effects.js';
import type { Principal, TargetRef } from './types.js';
import { actionGroupOf } from './schema.js';

/** The Cedar id of a resource: its path, '%' and '/' percent-encoded, joined with '/'. */
export function resourceId(path: readonly string[]): string {
  return path.map((part) => part.replace(/[%/]/g, (char) => (char === '%' ? '%25' : '%2F'))).join('/');
}

/** The Cedar id of a target's label. */
export function labelId(key: string, value: string): string {
  return `${key}=${value}`;
}

/** Deeper folders are not looked for by name; engines refuse longer paths. */
const maxFolders = 128;
const ancestorTypes = ['Target', 'Database', 'Schema', 'Table'] as const;

/**
 * The resource with all of its ancestors as direct parents: Cedar needs the ancestors' ids alone, so one entity stands
 * for the whole branch of the tree.
 */
export function resourceEntity(effect: Effect, target: TargetRef | null): EntityJson {
  const { type, path } = effect.resource;
  const uid = resourceUid(effect.resource);
  const parents: TypeAndId[] = [];
  if (type === 'Path') {
    for (let depth = 1; depth < path.length && depth <= maxFolders; depth++)
      parents.push({ type: depth === 1 ? 'Target' : 'Path', id: resourceId(path.slice(0, depth)) });
  } else if (type !== 'Gateway') {
    for (let depth = 1; depth < path.length && depth <= ancestorTypes.length; depth++) {
      const parent = ancestorTypes[depth - 1];
      if (parent !== undefined) parents.push({ type: parent, id: resourceId(path.slice(0, depth)) });
    }
  }
  if (target !== null) {
    for (const [key, value] of Object.entries(target.labels)) parents.push({ type: 'Label', id: labelId(key, value) });
  }
  if (type === 'Column' && effect.facts.class !== '') parents.push({ type: 'Class', id: effect.facts.class });
  return { uid, attrs: { name: path.at(-1) ?? '', schema: schemaOf(effect.resource) }, parents };
}

export function resourceUid(resource: ResourceRef): TypeAndId {
  return { type: resource.type, id: resourceId(resource.path) };
}

/** [target, database, schema, …]: a thing with at least one more part lies in that schema; a Schema is its own. */
function schemaOf(resource: ResourceRef): string {
  const [, , schema] = resource.path;
  if (resource.type === 'Path') return '';
  return schema !== undefined && (resource.type === 'Schema' || resource.path.length > 3) ? schema : '';
}

/** The person or machine, in its groups. */
export function principalEntity(principal: Principal): EntityJson {
  return {
    uid: { type: 'User', id: principal.id },
    attrs: { kind: principal.kind, issuer: principal.issuer, name: principal.name, mfa: principal.mfa },
    parents: principal.groups.map((id) => ({ type: 'Group', id })),
  };
}

/** The action, in its group; without a schema in the call, Cedar knows the hierarchy from here. */
export function actionEntity(action: string): EntityJson {
  const group = actionGroupOf.get(action);
  return {
    uid: { type: 'Action', id: action },
    attrs: {},
    parents: group === undefined || group === action ? [] : [{ type: 'Action', id: group }],
  };
}

/**
 * Why an effect cannot be judged here at all, or null. A resource of another target would be judged by this target's
 * labels, and a gateway action on a table by no rule anyone wrote.
 */
export function misplaced(effect: Effect, target: TargetRef | null): string | null {
  const { resource, action } = effect;
  const group = actionGroupOf.get(action);
  if (group === undefined) return `unknown action "${action}"`;
  if ((group === 'gateway') !== (resource.type === 'Gateway'))
    return `${action} does not apply to a ${resource.type.toLowerCase()}`;
  if (resource.type === 'Gateway') return null;
  if (target === null || resource.path[0] !== target.name) return 'the resource is not part of the target';
  return null;
}
