import { afterAll, beforeAll, expect, it } from 'vitest';
import { applyText } from '../../src/cli/apply-text.js';
import { Output } from '../../src/cli/output.js';
import { applyDocument, bundleVersionsDocument } from '../../src/gateway/schemas/bundle.js';
import { errorDocument } from '../../src/gateway/schemas/error.js';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { type GatewayUnderTest, startTestGateway } from './gateway-harness.js';

let running: GatewayUnderTest;
const first = starterBundle({ pgPort: 1 });

beforeAll(async () => {
  running = await startTestGateway({ bundle: first });
}, 60_000);
afterAll(() => running.stop());

const guardrails = first.get('policies/guardrails.cedar') ?? '';
const [id = ''] = /(?<=@id\(")[^"]+/.exec(guardrails) ?? [];
function changed(): ReadonlyMap<string, string> {
  const extra = '@id("no-calls-now")\nforbid (principal, action in Action::"call", resource);\n';
  return new Map(first)
    .set('policies/guardrails.cedar', `// a word about it\n${guardrails}`)
    .set('policies/extra.cedar', extra);
}

async function apply(files: ReadonlyMap<string, string>, more: object = {}) {
  const body = { files: Object.fromEntries(files), ...more };
  const answer = await running.call('POST', '/v1/bundle', { as: 'reviewer', body });
  expect(answer.text).toContain('sluice.apply/v1');
  return applyDocument.parse(answer.document);
}
async function goBack(version: string, more: object = {}) {
  return running.call('POST', '/v1/bundle/rollback', { as: 'reviewer', body: { version, ...more } });
}
async function versions() {
  const answer = await running.call('GET', '/v1/bundle/versions', { as: 'reviewer' });
  return bundleVersionsDocument.parse(answer.document).versions;
}
/** As a terminal without colours shows it. */
function shown(document: Awaited<ReturnType<typeof apply>>): string {
  const stream = { isTTY: false, write: () => true };
  const options = {
    stdout: stream,
    stderr: stream,
    json: false,
    quiet: false,
    noColor: true,
    forceColor: false,
  } as const;
  return applyText(document, new Output({ ...options, color: 'never' }));
}

it('shows before it applies which lines differ and what that means, and changes nothing', async () => {
  const before = running.gateway.bundleVersion();
  const dry = await apply(changed(), { dry_run: true });
  expect(dry.applied).toBe(false);
  expect(running.gateway.bundleVersion()).toBe(before);
  // A comment is a difference of the file, and none of what it means.
  expect(dry.things).toEqual([{ kind: 'policy', name: 'no-calls-now', change: 'added', words: 'forbid' }]);
  const lines = shown(dry).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      ...['+ policies/extra.cedar', '  +@id("no-calls-now")', '~ policies/guardrails.cedar', '  +// a word about it'],
      ...['What that means:', '  + policy no-calls-now (forbid)'],
    ]),
  );
  expect(lines.at(-1)).toBe(`not applied; it would be version ${dry.version}`);
});

it('lists what was applied, by whom, with which note, and goes back to it', async () => {
  const start = running.gateway.bundleVersion();
  const { version } = await apply(changed(), { message: 'INC-42' });
  const [newest, older] = await versions();
  expect(newest).toMatchObject({ version, by: 'reviewer@demo.example', message: 'INC-42', in_force: true });
  expect(newest?.digest).toMatch(new RegExp(`^${version}[0-9a-f]{48}$`));
  expect(older).toMatchObject({ version: start, in_force: false });

  const dry = applyDocument.parse((await goBack(start, { dry_run: true })).document);
  expect(dry).toMatchObject({ applied: false, version: start, previous_version: version });
  expect(dry.things).toEqual([{ kind: 'policy', name: 'no-calls-now', change: 'removed', words: 'forbid' }]);
  expect(shown(dry)).toContain('- policies/extra.cedar\n  @@ 1 → 1 @@\n  -@id("no-calls-now")');
  expect(running.gateway.bundleVersion()).toBe(version);

  expect(applyDocument.parse((await goBack(start)).document).applied).toBe(true);
  expect(running.gateway.bundleVersion()).toBe(start);
  const list = await versions();
  expect(list.map(({ in_force: inForce }) => inForce)).toEqual([true, ...list.slice(1).map(() => false)]);
  expect(list[0]).toMatchObject({ version: start, message: `rollback to ${start}` });
  const same = await apply(first);
  expect(shown(same)).toBe(`Nothing differs.\n✓ applied as version ${start}`);
});

it('names the next step for a version that never was, and shows versions to nobody who may not read policy', async () => {
  const unknown = errorDocument.parse((await goBack('0000000000000000')).document).error;
  expect(unknown).toMatchObject({ code: 'not_found', next: [{ command: 'sluice policy versions' }] });
  expect((await running.call('GET', '/v1/bundle/versions', { as: 'engineer' })).status).toBe(403);
});

it('shows no line of the bundle to who may apply and not read it', async () => {
  const policies = `@id("blind") permit (principal in Group::"reviewers", action == Action::"apply", resource);`;
  const blind = new Map([...first].filter(([path]) => !path.startsWith('policies/'))).set('policies/a.cedar', policies);
  await apply(blind);
  const dry = await apply(first, { dry_run: true });
  expect(dry.changed.length).toBeGreaterThan(1);
  expect(dry.changed.every(({ hunks }) => hunks === null)).toBe(true);
  expect(JSON.stringify(dry)).not.toContain('permit');
  expect(dry.things.find(({ name }) => name === id)).toMatchObject({ change: 'added', words: '' });
  await apply(first);
});
