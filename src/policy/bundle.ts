import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { Classification } from '../masking/types.js';
import { checkAccess } from './access.js';
import type { Bindings } from './bindings.js';
import { checkBots } from './bots.js';
import { type ConfigFile, type SortedFiles, sortFiles } from './bundle-files.js';
import { bindingsSchema, classificationSchema, settingsSchema, targetsSchema } from './bundle-schema.js';
import { checkClassification } from './classification.js';
import { lintPolicies } from './lint.js';
import { actionsOf } from './mentions.js';
import { type Policy, readPolicies } from './policies.js';
import { byPlace, fileStart, type Problem, ProblemList } from './problems.js';
import { checkReferences } from './references.js';
import { readRelays, type RelayRules } from './relays.js';
import { type BundleTarget, readTargets } from './targets.js';
import { YamlSource } from './yaml-source.js';

/** A whole configuration, validated: the only form in which the gateway ever uses one. */
export interface Bundle {
  readonly targets: readonly BundleTarget[];
  readonly relays: RelayRules;
  readonly classification: Classification;
  readonly bindings: Bindings;
  readonly policies: readonly Policy[];
  /** Where `context.hour` and `context.weekday` are read from the clock. */
  readonly timeZone: string;
  /** Short form of `digest`, for people. Changes with any file of the bundle. */
  readonly version: string;
  /** Hex SHA-256 over the paths and texts of `files`. */
  readonly digest: string;
  /** The files that make up the bundle; ignored ones are gone. */
  readonly files: ReadonlyMap<string, string>;
}

/** A bundle with its warnings, or everything that is wrong with it. */
export type BundleResult =
  | { readonly ok: true; readonly bundle: Bundle; readonly problems: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads and validates a bundle whole: it is right in every part, or it is not used at all. Never throws for bad input. */
export function loadBundle(files: ReadonlyMap<string, string>): BundleResult {
  const problems = new ProblemList();
  const sorted = sortFiles(files, problems);
  const targetsFile = readYaml('targets.yaml', sorted, targetsSchema, problems);
  const classificationFile = readYaml('classification.yaml', sorted, classificationSchema, problems);
  const bindingsFile = readYaml('bindings.yaml', sorted, bindingsSchema, problems);
  const settings = sorted.config.has('settings.yaml')
    ? (readYaml('settings.yaml', sorted, settingsSchema, problems)?.value ?? null)
    : null;
  const targets =
    targetsFile === null ? [] : readTargets(targetsFile.value.targets, targetsFile.source, sorted.certificates);
  if (classificationFile !== null) {
    checkClassification(
      withoutUndefined(classificationFile.value),
      classificationFile.source,
      targets.map(({ name }) => name),
    );
  }
  const policies = readPolicies(sorted.policies, problems);
  if (sorted.policies.size === 0) {
    problems.add(
      'error',
      'policies/',
      fileStart,
      'no policies: nobody could do anything, not even apply another bundle',
      'add policies/base.cedar',
    );
  }
  if (
    policies.length > 0 &&
    !policies.some(
      ({ effect, json, mode }) => effect === 'permit' && mode === 'enforce' && actionsOf(json.action).includes('apply'),
    )
  ) {
    problems.add(
      'warning',
      'policies/',
      fileStart,
      'no policy permits `apply`: with this bundle nobody can apply another',
    );
  }
  let relays: RelayRules = new Map();
  // With a file missing or broken, every name in the policies would look unknown.
  if (targetsFile !== null && classificationFile !== null && bindingsFile !== null) {
    const groups = Object.keys(bindingsFile.value.groups);
    checkAccess(bindingsFile.value.access, bindingsFile.source, {
      groups,
      targets: targets.map(({ name }) => name),
    });
    relays = readRelays(targetsFile.value.relays, targetsFile.source, { groups, targets: targetsFile.value.targets });
    checkBots(bindingsFile.value.bots, bindingsFile.source, groups);
    checkReferences(
      policies,
      sorted.policies,
      { groups, classes: Object.keys(classificationFile.value.classes), targets },
      problems,
    );
  }
  if (problems.hasErrors || targetsFile === null || classificationFile === null || bindingsFile === null) {
    return { ok: false, problems: problems.all };
  }
  const kept = keptFiles(sorted);
  const digest = digestOf(kept);
  const bundle: Bundle = {
    targets,
    relays,
    classification: withoutUndefined(classificationFile.value),
    bindings: bindingsFile.value,
    policies,
    timeZone: settings?.timeZone ?? 'UTC',
    version: digest.slice(0, 16),
    digest,
    files: kept,
  };
  return { ok: true, bundle, problems: problems.all };
}

/** Everything wrong with a bundle, and what is valid but hardly meant; for `policy check`, which uses nothing of it. */
export function checkPolicies(files: ReadonlyMap<string, string>): {
  readonly valid: boolean;
  readonly problems: readonly Problem[];
} {
  const result = loadBundle(files);
  if (!result.ok) return { valid: false, problems: result.problems };
  const doubtful = new ProblemList();
  lintPolicies(result.bundle, doubtful);
  return { valid: true, problems: [...result.problems, ...doubtful.all].sort(byPlace) };
}

/** What a file says that says nothing. */
const leastOf: Readonly<Record<ConfigFile, string | null>> = {
  'targets.yaml': 'write "targets: []" where there are none yet',
  'classification.yaml': 'write "classes: {}" and "columns: []" where nothing is protected',
  'bindings.yaml': 'write "groups: {}" where nobody is in any',
  'settings.yaml': null,
};

function readYaml<S extends z.ZodType>(
  file: ConfigFile,
  sorted: SortedFiles,
  schema: S,
  problems: ProblemList,
): { readonly value: z.output<S>; readonly source: YamlSource } | null {
  const text = sorted.config.get(file);
  if (text === undefined) {
    problems.add('error', file, fileStart, `${file} is missing`, leastOf[file]);
    return null;
  }
  const source = YamlSource.parse(file, text, problems);
  const value = source?.read(schema) ?? null;
  return source === null || value === null ? null : { value, source };
}

function withoutUndefined(raw: z.output<typeof classificationSchema>): Classification {
  const detectors = Object.fromEntries(Object.entries(raw.detectors).filter(([, mode]) => mode !== undefined));
  return { classes: raw.classes, columns: raw.columns, detectors };
}

function keptFiles({ config, policies, tests, certificates }: SortedFiles): ReadonlyMap<string, string> {
  return new Map([...config, ...policies, ...tests, ...certificates].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Hex SHA-256 over the paths and texts of a bundle's files, in their order. */
export function digestOf(files: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256');
  for (const [path, text] of files)
    hash.update(`${Buffer.byteLength(path)}:${path}${Buffer.byteLength(text)}:`).update(text);
  return hash.digest('hex');
}
