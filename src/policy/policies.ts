import { type DetailedError, policyToJson, type PolicyJson, validate } from '@cedar-policy/cedar-wasm/nodejs';
import { type PolicyAnnotations, readAnnotations } from './annotations.js';
import { annotationAt, fileOffset, forgottenEnd, type PolicySource, splitPolicies, tooComplex } from './policy-text.js';
import { actionsOf } from './mentions.js';
import { fileStart, placeAt, type ProblemList } from './problems.js';
import { actionGroupOf, cedarSchema } from './schema.js';

/** One validated policy, ready to be compiled. */
export interface Policy extends PolicyAnnotations {
  readonly effect: 'permit' | 'forbid';
  readonly source: PolicySource;
  readonly json: PolicyJson;
}

export const maxPolicies = 2000;
const maxCheckCost = 1_000_000;

/** Parses and strictly validates every policy of the files (path → text); problems go to the list. */
export function readPolicies(files: ReadonlyMap<string, string>, problems: ProblemList): readonly Policy[] {
  const sources = [...files].flatMap(([file, text]) => splitPolicies(file, text));
  const excess = sources[maxPolicies];
  if (excess !== undefined) {
    problems.add(
      'error',
      excess.file,
      placeAt(files.get(excess.file) ?? '', excess.offset),
      `more than ${maxPolicies} policies`,
    );
    return [];
  }
  const policies: Policy[] = [];
  const byId = new Map<string, Policy>();
  for (const source of sources) {
    const fileText = files.get(source.file) ?? '';
    const json = parse(source, fileText, problems);
    if (json === null) continue;
    const policy: Policy = { ...readAnnotations(source, json, fileText, problems), effect: json.effect, source, json };
    const first = byId.get(policy.id);
    if (first !== undefined) {
      const { line } = placeAt(files.get(first.source.file) ?? '', first.source.offset);
      const at = placeAt(fileText, annotationAt(source, 'id'));
      problems.add(
        'error',
        source.file,
        at,
        `duplicate policy id "${policy.id}"`,
        `first used in ${first.source.file}:${line}`,
      );
      continue;
    }
    byId.set(policy.id, policy);
    policies.push(policy);
  }
  if (isCostly(policies)) {
    const hint = 'name the actions that a policy is about: permit (principal, action in Action::"read", resource)';
    problems.add(
      'error',
      'policies/',
      fileStart,
      'the policies are too many and too long to be checked in good time',
      hint,
    );
  } else checkTypes(byId, files, problems);
  return policies;
}

/**
 * Cedar checks a policy's every word once for each action it may meet. The bound keeps one check to a second or two,
 * whatever is sent to be checked; a thousand ordinary policies stay well below it.
 */
function isCostly(policies: readonly Policy[]): boolean {
  const costs = policies.map(({ source, json }) => source.tokens.length * actionsOf(json.action).length);
  return costs.reduce((sum, cost) => sum + cost, 0) > maxCheckCost;
}

function parse(source: PolicySource, fileText: string, problems: ProblemList): PolicyJson | null {
  const complex = tooComplex(source);
  if (complex !== null) {
    problems.add('error', source.file, placeAt(fileText, complex.at), complex.message, 'split the policy in two');
    return null;
  }
  const answer = policyToJson(source.text);
  if (answer.type === 'success') return answer.json;
  const next = forgottenEnd(source);
  if (next !== null)
    problems.add('error', source.file, placeAt(fileText, next.at), `missing ";" before "${next.text}"`);
  else for (const error of answer.errors) addCedarError(source, fileText, error, problems);
  return null;
}

/** Strict validation (Cedar's own), all policies at once. */
function checkTypes(
  byId: ReadonlyMap<string, Policy>,
  files: ReadonlyMap<string, string>,
  problems: ProblemList,
): void {
  const staticPolicies = Object.fromEntries([...byId].map(([id, { source }]) => [id, source.text]));
  const answer = validate({
    validationSettings: { mode: 'strict' },
    schema: cedarSchema(),
    policies: { staticPolicies },
  });
  if (answer.type === 'failure')
    throw new Error(`the policy schema is broken: ${answer.errors.map(({ message }) => message).join('; ')}`);
  const wrong = new Set(answer.validationErrors.map(({ policyId }) => policyId));
  // Cedar repeats itself for every action and resource type that a policy may meet: once a place is enough.
  const told = new Set<string>();
  for (const { policyId, error } of answer.validationErrors) {
    const policy = byId.get(policyId);
    const place = `${policyId} ${error.sourceLocations?.[0]?.start}`;
    if (policy === undefined || told.has(place)) continue;
    told.add(place);
    addCedarError(policy.source, files.get(policy.source.file) ?? '', error, problems);
  }
  for (const { policyId, error } of answer.validationWarnings) {
    const policy = byId.get(policyId);
    // Follows from the errors already told, or repeats the warning beside it.
    if (policy === undefined || wrong.has(policyId) || error.message.includes('unable to find an applicable action'))
      continue;
    const fileText = files.get(policy.source.file) ?? '';
    if (error.message.includes('policy is impossible')) {
      addImpossible(policy, fileText, problems);
      continue;
    }
    addCedarError(policy.source, fileText, error, problems, 'warning');
  }
}

/** A permit that never applies is harmless; a forbid that never applies is a hole its author does not know of. */
function addImpossible(policy: Policy, fileText: string, problems: ProblemList): void {
  const { action } = policy.json;
  const id = action.op === '==' && 'entity' in action && 'id' in action.entity ? action.entity.id : null;
  const group = id !== null && !actionGroupOf.has(id) && [...actionGroupOf.values()].includes(id);
  const hint = group ? `"${id}" is a group of actions: write action in Action::"${id}"` : null;
  const severity = policy.effect === 'forbid' ? 'error' : 'warning';
  problems.add(
    severity,
    policy.source.file,
    placeAt(fileText, policy.source.offset),
    `this ${policy.effect} can never apply`,
    hint,
  );
}

function addCedarError(
  source: PolicySource,
  fileText: string,
  error: DetailedError,
  problems: ProblemList,
  severity: 'error' | 'warning' = 'error',
): void {
  const location = error.sourceLocations?.[0];
  const place = placeAt(fileText, fileOffset(source, location?.start ?? 0));
  const message = error.message
    .replace(/^for policy `[^`]*`, /, '')
    .replace(/ in context for Action::"[^"]*" not found$/, ' in context not found')
    .replace(/^failed to parse policy(?: with id `[^`]*`)? from string: /, '');
  const help = error.help?.replace(/^for policy `[^`]*`, /, '') ?? location?.label ?? null;
  problems.add(severity, source.file, place, message, help);
}
