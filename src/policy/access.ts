import { z } from 'zod';
import type { YamlSource } from './yaml-source.js';
import { suggest } from './problems.js';

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const longestMs = 30 * unitMs.d;

export const accessWindow = z
  .string()
  .regex(/^\d{1,4}[mhd]$/, 'a time is a number and m, h or d, such as 30m or 4h')
  .transform((text) => Number(text.slice(0, -1)) * unitMs[text.slice(-1) as keyof typeof unitMs])
  .refine((ms) => ms > 0 && ms <= longestMs, 'a time is at most 30 days');
const groups = z.array(z.string().min(1)).min(1).max(50);
const people = z.record(z.string().min(1), z.int().min(1).max(20)).refine((asked) => Object.keys(asked).length > 0, {
  message: 'name at least one group and how many of its people must agree',
});

/** One group of `bindings.yaml` that people may have for a while. */
export const accessSchema = z.record(
  z.string().min(1),
  z.strictObject({
    /** Whose members may ask. */
    for: groups,
    /** Whose approval it takes, each by so many people. */
    approvers: people,
    max: accessWindow,
    /** `access request TARGET` means this group. */
    targets: z.array(z.string().min(1)).max(1000).default([]),
    /** Break glass: at once, loudly, for a short time, reviewed afterwards. */
    emergency: z.strictObject({ for: groups, max: accessWindow, reviewers: groups }).nullable().default(null),
  }),
);

/** Which groups can be had for a while, by their names. */
export type AccessRules = Readonly<Record<string, AccessRule>>;

export interface AccessRule {
  readonly for: readonly string[];
  readonly approvers: Readonly<Record<string, number>>;
  /** Longest window, in milliseconds. */
  readonly max: number;
  readonly targets: readonly string[];
  readonly emergency: {
    readonly for: readonly string[];
    readonly max: number;
    readonly reviewers: readonly string[];
  } | null;
}

/** Checks what the schema cannot say: that groups and targets exist, and that nobody is asked in vain. */
export function checkAccess(
  rules: AccessRules,
  source: YamlSource,
  known: { readonly groups: readonly string[]; readonly targets: readonly string[] },
): void {
  const ofTarget = new Map<string, string>();
  for (const [group, rule] of Object.entries(rules)) {
    const at = ['access', group] as const;
    const requireGroup = (name: string, path: readonly (string | number)[]): void => {
      if (!known.groups.includes(name))
        source.report('error', path, `unknown group "${name}"`, suggest(name, known.groups));
    };
    if (!known.groups.includes(group))
      source.reportKey(['access'], group, `unknown group "${group}"`, `add it to groups: ${group}: {}`);
    for (const [index, name] of rule.for.entries()) requireGroup(name, [...at, 'for', index]);
    for (const name of Object.keys(rule.approvers)) requireGroup(name, [...at, 'approvers', name]);
    for (const [list, names] of [
      ['for', rule.emergency?.for ?? []],
      ['reviewers', rule.emergency?.reviewers ?? []],
    ] as const)
      for (const [index, name] of names.entries()) requireGroup(name, [...at, 'emergency', list, index]);
    for (const [index, target] of rule.targets.entries()) {
      const path = [...at, 'targets', index];
      if (!known.targets.includes(target))
        source.report('error', path, `no target is named "${target}"`, suggest(target, known.targets));
      const other = ofTarget.get(target);
      if (other !== undefined)
        source.report('error', path, `"${target}" already means the group "${other}"`, 'ask for the group by its name');
      ofTarget.set(target, group);
    }
    if (Object.hasOwn(rule.approvers, group)) {
      const path = [...at, 'approvers', group];
      source.report(
        'error',
        path,
        'who has this group for a while would approve it for the next',
        'name another group',
      );
    }
  }
}

/** The rule that a name asks for: a group that can be had, or a target that stands for one. */
export function findAccess(
  rules: AccessRules,
  name: string,
): { readonly group: string; readonly rule: AccessRule } | null {
  if (Object.hasOwn(rules, name)) {
    const rule = rules[name];
    return rule === undefined ? null : { group: name, rule };
  }
  const found = Object.entries(rules).find(([, rule]) => rule.targets.includes(name));
  return found === undefined ? null : { group: found[0], rule: found[1] };
}
