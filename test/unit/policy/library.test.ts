import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkPolicies } from '../../../src/policy/bundle.js';
import { runPolicyTests } from '../../../src/policy/testing/run-tests.js';

const root = 'docs/policies';
const common = ['targets.yaml', 'bindings.yaml', 'classification.yaml', 'settings.yaml', 'policies/base.cedar'];
const files = readdirSync(join(root, 'policies')).map((name) => `policies/${name}`);
const intents = files.filter((name) => name.endsWith('.cedar')).map((name) => name.slice('policies/'.length, -6));

const bundleOf = (paths: readonly string[]): ReadonlyMap<string, string> =>
  new Map([...new Set(paths)].map((path) => [path, readFileSync(join(root, path), 'utf8')]));

describe('the library of policies', () => {
  it('is a whole bundle in which nothing is doubtful', () => {
    expect(checkPolicies(bundleOf([...common, ...files]))).toEqual({ valid: true, problems: [] });
  });

  it.each(intents)('%s passes its own tests, which cover every policy of it', async (intent) => {
    const own = [`policies/${intent}.cedar`, `policies/${intent}.test.yaml`];
    const report = await runPolicyTests({ files: bundleOf([...common, ...own]) });
    if (!report.ok) throw new Error(JSON.stringify(report.problems));
    expect(report.results.flatMap(({ name, mismatches }) => mismatches.map((wrong) => `${name}: ${wrong}`))).toEqual(
      [],
    );
    expect(report.coverage.uncovered.filter(({ file }) => file === own[0] && intent !== 'base')).toEqual([]);
  });

  it('passes its tests as it stands, all intents together', async () => {
    const report = await runPolicyTests({ files: bundleOf([...common, ...files]) });
    if (!report.ok) throw new Error(JSON.stringify(report.problems));
    expect(report.results.flatMap(({ name, mismatches }) => mismatches.map((wrong) => `${name}: ${wrong}`))).toEqual(
      [],
    );
  });

  it('is described, every intent of it', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    for (const intent of intents) expect(readme).toContain(`\`${intent}\``);
  });
});
