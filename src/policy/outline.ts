import type { Bundle } from './bundle.js';
import type { Policy } from './policies.js';

/** Kinds of things that a bundle is made of, as people name them. */
export const thingKinds = [
  ...['policy', 'target', 'relay', 'class', 'column', 'detector', 'group', 'people', 'access', 'bot', 'setting'],
] as const;
export type ThingKind = (typeof thingKinds)[number];

/** What a bundle means, thing by thing: comments, order and layout of its files are no part of it. */
export type Outline = ReadonlyMap<string, Thing>;
interface Thing {
  readonly kind: ThingKind;
  readonly name: string;
  /** Equal for things that mean the same. */
  readonly meaning: string;
  /** What it does, in a few words; may be empty. */
  readonly words: string;
}

export interface ThingChange {
  readonly kind: ThingKind;
  readonly name: string;
  readonly change: 'added' | 'removed' | 'modified';
  readonly words: string;
}

export function outlineOf(bundle: Bundle): Outline {
  const outline = new Map<string, Thing>();
  const add = (kind: ThingKind, name: string, meaning: unknown, words = ''): void =>
    void outline.set(`${kind} ${name}`, { kind, name, meaning: JSON.stringify(meaning), words });
  const { bindings, classification } = bundle;
  for (const policy of bundle.policies) add('policy', policy.id, policy.json, wordsOf(policy));
  for (const target of bundle.targets)
    add('target', target.name, target, `${target.kind}, ${target.host}:${target.port}`);
  for (const [name, groups] of bundle.relays) add('relay', name, groups, `served by ${groups.join(', ')}`);
  for (const [name, { mask }] of Object.entries(classification.classes)) add('class', name, mask, mask);
  for (const { target, column, class: name } of classification.columns)
    add('column', `${target} ${column}`, name, name);
  for (const [name, mode] of Object.entries(classification.detectors)) add('detector', name, mode, mode);
  for (const [name, binding] of Object.entries(bindings.groups)) add('group', name, binding);
  for (const accounts of bindings.people ?? []) add('people', accounts.join(', '), accounts);
  for (const [name, rule] of Object.entries(bindings.access ?? {})) add('access', name, rule);
  for (const [name, { keys, ...bot }] of Object.entries(bindings.bots ?? {})) {
    const known = keys.map((key) => key.export({ format: 'der', type: 'spki' }).toString('base64'));
    add('bot', name, { ...bot, known }, `for ${bot.groups.join(', ')}`);
  }
  add('setting', 'timeZone', bundle.timeZone, bundle.timeZone);
  return outline;
}

/** What the one means and the other does not, by kind and name. */
export function compareOutlines(before: Outline, after: Outline): readonly ThingChange[] {
  const changes: ThingChange[] = [];
  for (const [key, { kind, name, meaning, words }] of after) {
    const old = before.get(key);
    if (old?.meaning !== meaning) changes.push({ kind, name, change: old === undefined ? 'added' : 'modified', words });
  }
  for (const [key, { kind, name, words }] of before)
    if (!after.has(key)) changes.push({ kind, name, change: 'removed', words });
  const order = (change: ThingChange): string => `${thingKinds.indexOf(change.kind)} ${change.name}`;
  return changes.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

function wordsOf({ approvals, effect, mode, requiresComment }: Policy): string {
  const lifted = approvals.map(({ count, group }) => `${count} of @${group}`).join(' and ');
  const comment = requiresComment ? ' with a comment' : '';
  return `${effect}${lifted === '' ? '' : `, lifted by ${lifted}${comment}`}${mode === 'shadow' ? ', shadow' : ''}`;
}
