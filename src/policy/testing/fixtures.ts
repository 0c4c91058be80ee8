import type { Effect } from '../../analysis/effects.js';
import { defined } from '../../lib/defined.js';
import { resolvePrincipal } from '../bindings.js';
import type { Bundle } from '../bundle.js';
import { parseEffect } from '../effect-text.js';
import { type Place, type ProblemList, suggest } from '../problems.js';
import type { BundleTarget } from '../targets.js';
import type { Principal } from '../types.js';
import { YamlSource, type YamlPath } from '../yaml-source.js';
import {
  type DeclaredCatalog,
  type Expectation,
  type FixtureIdentity,
  fixtureSchema,
  type FixtureTest,
} from './fixture-schema.js';

/** One test, read and checked: what is asked of policy, and what it should answer. */
export interface PolicyTest {
  readonly name: string;
  readonly file: string;
  readonly place: Place;
  readonly principal: Principal;
  readonly target: BundleTarget;
  readonly subject:
    | { readonly type: 'statement'; readonly text: string; readonly catalog: DeclaredCatalog }
    | { readonly type: 'effects'; readonly effects: readonly Effect[] };
  readonly context: FixtureTest['context'];
  readonly expect: Expectation;
}

const noCatalog: DeclaredCatalog = { major: 17, searchPath: ['public'], tables: {}, views: {}, functions: {} };

/** Reads one file of tests against the bundle it belongs to; problems go to the list, and then nothing should be run. */
export function readFixture(file: string, text: string, bundle: Bundle, problems: ProblemList): readonly PolicyTest[] {
  const source = YamlSource.parse(file, text, problems);
  const fixture = source?.read(fixtureSchema) ?? null;
  if (source === null || fixture === null) return [];
  const catalogs = new Map(Object.entries(fixture.catalog));
  const targets = bundle.targets.map(({ name }) => name);
  for (const name of catalogs.keys())
    if (!targets.includes(name))
      source.reportKey(['catalog'], name, `target "${name}" is not in targets.yaml`, suggest(name, targets));
  const people = new Map(
    Object.entries(fixture.who).map(([name, given]) => [
      name,
      readIdentity(name, given, ['who', name], source, bundle),
    ]),
  );
  return fixture.tests.flatMap((test, index): readonly PolicyTest[] => {
    const path: YamlPath = ['tests', index];
    const target = bundle.targets.find(({ name }) => name === test.target);
    if (target === undefined)
      source.report(
        'error',
        [...path, 'target'],
        `no target "${test.target}" in targets.yaml`,
        suggest(test.target, targets),
      );
    const called = typeof test.who === 'string' ? test.who : (test.who.name ?? 'someone');
    const principal =
      typeof test.who === 'string'
        ? people.get(test.who)
        : readIdentity(called, test.who, [...path, 'who'], source, bundle);
    if (principal === undefined)
      source.report('error', [...path, 'who'], `nobody is called "${called}" here`, suggest(called, people.keys()));
    const subject = readSubject(test, path, source, catalogs);
    if (target === undefined || principal === undefined || subject === null) return [];
    if (subject.type === 'statement' && target.kind !== 'postgres') {
      source.report('error', [...path, 'statement'], `a ${target.kind} target has no statements`, 'give "effects"');
      return [];
    }
    const expect = typeof test.expect === 'string' ? { verdict: test.expect } : test.expect;
    checkExpectation(expect, path, source, bundle);
    const { name, context } = test;
    return [{ name, file, place: source.place(path), principal, target, subject, context, expect }];
  });
}

function readIdentity(
  name: string,
  given: FixtureIdentity | null,
  path: YamlPath,
  source: YamlSource,
  bundle: Bundle,
): Principal {
  const { kind = 'human', issuer = 'https://issuer.example', mfa = false, groups = [], claims = [] } = given ?? {};
  const known = Object.keys(bundle.bindings.groups);
  for (const [index, group] of groups.entries())
    if (!known.includes(group))
      source.report(
        'error',
        [...path, 'groups', index],
        `group "${group}" is not in bindings.yaml`,
        suggest(group, known),
      );
  const called = given?.name ?? name;
  const token = { issuer, subject: called, name: called, kind, mfa, claimGroups: claims, expiresAt: Infinity };
  const bound = resolvePrincipal(token, bundle);
  return { ...bound, groups: [...new Set([...bound.groups, ...groups])].sort() };
}

function readSubject(
  test: FixtureTest,
  path: YamlPath,
  source: YamlSource,
  catalogs: ReadonlyMap<string, DeclaredCatalog>,
): PolicyTest['subject'] | null {
  if ((test.statement === undefined) === (test.effects === undefined)) {
    source.report('error', path, 'a test has either a "statement" or "effects"');
    return null;
  }
  if (test.statement !== undefined)
    return { type: 'statement', text: test.statement, catalog: catalogs.get(test.target) ?? noCatalog };
  const effects = (test.effects ?? []).map((given, index) => {
    const [text, facts] = typeof given === 'string' ? [given, {}] : [given.effect, given.facts];
    const effect = parseEffect(text, defined(facts));
    if (effect === null)
      source.report(
        'error',
        [...path, 'effects', index],
        `not an effect: "${text}"`,
        'write it like: delete on table demo-db/shop/public/orders',
      );
    return effect;
  });
  return { type: 'effects', effects: effects.filter((effect) => effect !== null) };
}

/** A policy that does not exist cannot determine anything: a test that expects it has outlived it. */
function checkExpectation(expect: Expectation, path: YamlPath, source: YamlSource, bundle: Bundle): void {
  const ids = bundle.policies.map(({ id }) => id);
  for (const [index, id] of (expect.policies ?? []).entries())
    if (!ids.includes(id))
      source.report('error', [...path, 'expect', 'policies', index], `no policy has the id "${id}"`, suggest(id, ids));
}
