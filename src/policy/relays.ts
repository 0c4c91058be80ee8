import { z } from 'zod';
import { suggest } from './problems.js';
import type { YamlSource } from './yaml-source.js';

/** `relays` of targets.yaml: processes in other networks by which targets are reached. */
export const relaysSchema = z
  .record(
    z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'a relay is named with small letters, digits, "_" and "-"'),
    z.strictObject({
      /** Machines of these groups may serve it. */
      groups: z.array(z.string().min(1)).min(1).max(50),
    }),
  )
  .refine((relays) => Object.keys(relays).length <= 1000, 'at most 1000 relays');

/** The groups whose machines may serve each relay. */
export type RelayRules = ReadonlyMap<string, readonly string[]>;

/** Checks that the groups of each relay and the relay of each target exist. */
export function readRelays(
  relays: z.output<typeof relaysSchema>,
  source: YamlSource,
  {
    groups,
    targets,
  }: {
    readonly groups: readonly string[];
    readonly targets: readonly { readonly name: string; readonly relay: string | null }[];
  },
): RelayRules {
  const names = Object.keys(relays);
  for (const [name, rule] of Object.entries(relays))
    for (const [index, group] of rule.groups.entries())
      if (!groups.includes(group))
        source.report('error', ['relays', name, 'groups', index], `unknown group "${group}"`, suggest(group, groups));
  for (const [index, { relay }] of targets.entries()) {
    if (relay === null || names.includes(relay)) continue;
    const hint = suggest(relay, names) ?? 'name it in "relays", with the groups whose machines may serve it';
    source.report('error', ['targets', index, 'relay'], `unknown relay "${relay}"`, hint);
  }
  return new Map(Object.entries(relays).map(([name, rule]) => [name, rule.groups]));
}
