import { beforeAll, describe, expect, it } from 'vitest';
import { junitXml } from '../../../src/policy/testing/junit.js';
import { runPolicyTests, type TestReport } from '../../../src/policy/testing/run-tests.js';
import { bundleFiles } from './fixtures.js';

const cedar = `
@id("read") permit (principal in Group::"a", action in [Action::"read", Action::"session"], resource);
@id("write") permit (principal in Group::"a", action in Action::"write", resource);
@id("reveal-reason") permit (principal in Group::"b", action == Action::"reveal", resource) when { context.hasReason };
@id("b-read") permit (principal in Group::"b", action in Action::"read", resource);
@id("hold") @approval("dba") @message("Deletes need a DBA.")
forbid (principal, action == Action::"delete", resource) unless { context.approvals.contains("dba") };
@id("no-infer") forbid (principal, action == Action::"infer", resource);
@id("nights") forbid (principal, action in Action::"write", resource) when { context.hour >= 20 };
@id("rows") forbid (principal, action in Action::"read", resource) when { context.session.rowsRead > 1000 };
@id("apply") permit (principal in Group::"dba", action == Action::"apply", resource);
`;
const files = {
  'classification.yaml':
    'classes: { email: { mask: email } }\ncolumns: [{ column: public.people.email, class: email }]\n',
  'bindings.yaml': 'groups: { a: { claims: { groups: [staff] } }, b: , dba: }\n',
};
const head = `
catalog:
  demo-db:
    tables: { public.orders: "id int8, total numeric", public.people: [id int8, name text, email text] }
    views: { public.mails: { columns: mail text, definition: "SELECT people.email AS mail FROM people" } }
    functions: { public.wipe: { volatility: volatile }, public.total: { volatility: stable, arguments: [int8] } }
who:
  ann: { claims: [staff] }
  bob: { groups: [b] }
tests:
`;

async function run(tests: string): Promise<TestReport> {
  return runPolicyTests({ files: bundleFiles(cedar, { ...files, 'policies/x.test.yaml': head + tests }) });
}
async function results(tests: string): Promise<readonly string[]> {
  const report = await run(tests);
  if (!report.ok) throw new Error(JSON.stringify(report.problems));
  return report.results.map(({ name, mismatches }) => `${name}: ${mismatches.join(' | ') || 'ok'}`);
}
async function problems(tests: string): Promise<readonly string[]> {
  const report = await run(tests);
  return report.ok
    ? []
    : report.problems.map(({ line, column, message, hint }) => `${line}:${column} ${message} | ${hint}`);
}

describe('policy test', () => {
  it('judges real statements over a declared catalog, with the session, the reason and the clock of the test', async () => {
    expect(
      await results(`
  - { name: reads, who: ann, target: demo-db, statement: "select id, email from people", expect: { verdict: allow, policies: [read], masked: [email] } }
  - { name: view, who: ann, target: demo-db, statement: "select mail from mails", expect: { verdict: allow, masked: [mail] } }
  - { name: clear, who: bob, target: demo-db, statement: "select email from people", context: { reason: INC-1 }, expect: { verdict: allow, masked: [] } }
  - { name: infer, who: ann, target: demo-db, statement: "select 1 from people where email = 'x'", expect: { verdict: deny, policies: [no-infer] } }
  - { name: hold, who: ann, target: demo-db, statement: "delete from orders where id = 1", expect: { verdict: hold, policies: [hold], approvals: [dba], message: need a DBA } }
  - { name: approved, who: ann, target: demo-db, statement: "delete from orders where id = 1", context: { approvals: [dba] }, expect: allow }
  - { name: night, who: ann, target: demo-db, statement: "update orders set total = 1", context: { at: "2026-01-07T20:30:00Z" }, expect: { verdict: deny, policies: [nights] } }
  - { name: budget, who: ann, target: demo-db, statement: "select 1 from orders", context: { session: { rowsRead: 1001 } }, expect: { verdict: deny, policies: [rows] } }
  - { name: hidden effect, who: ann, target: demo-db, statement: "select wipe() from orders", expect: { verdict: deny, policies: [] } }
  - { name: psql, who: ann, target: demo-db, statement: "select relname from pg_class where pg_table_is_visible(oid)", expect: allow }
  - { name: syntax, who: ann, target: demo-db, statement: "selec 1", expect: { verdict: deny, message: syntax error } }
  - { name: pinned, who: ann, target: demo-db, statement: "set search_path = x", expect: { verdict: deny, message: is pinned } }
  - { name: effects, who: { groups: [a] }, target: demo-db, effects: [insert on table demo-db/shop/public/orders], expect: allow }
`),
    ).toEqual(
      'reads view clear infer hold approved night budget hidden+effect psql syntax pinned effects'
        .split(' ')
        .map((name) => `${name.replace('+', ' ')}: ok`),
    );
  });

  it('fails in every way in which the answer differs, and says which policy answered', async () => {
    expect(
      await results(`
  - { name: verdict, who: ann, target: demo-db, statement: "delete from orders where id = 1", expect: allow }
  - { name: policies, who: ann, target: demo-db, statement: "select 1 from orders", expect: { verdict: allow, policies: [write] } }
  - { name: masked, who: ann, target: demo-db, statement: "select name, email from people", expect: { verdict: allow, masked: [name] } }
  - { name: message, who: ann, target: demo-db, statement: "delete from orders where id = 1", expect: { verdict: hold, message: other } }
`),
    ).toEqual([
      'verdict: expected allow, got hold by hold: Deletes need a DBA.',
      'policies: policies: missing write; also read',
      'masked: masked columns: missing name; also email',
      'message: expected a message with "other", got "Deletes need a DBA."',
    ]);
  });

  it('says where a test is wrong, and what was meant', async () => {
    expect(
      await problems(`
  - { name: a, who: anna, target: demo-db, statement: "select 1", expect: allow }
  - { name: b, who: ann, target: demo-bd, statement: "select 1", expect: allow }
  - { name: c, who: ann, target: demo-db, expect: allow }
  - { name: d, who: ann, target: demo-db, effects: [eat on table demo-db/x], expect: { verdict: deny, policies: [holt] } }
  - { name: e, who: { groups: [dbaa] }, target: demo-db, statement: "select 1", expect: allow }
`),
    ).toEqual([
      '12:21 nobody is called "anna" here | did you mean "ann"?',
      '13:34 no target "demo-bd" in targets.yaml | did you mean "demo-db"?',
      '14:5 a test has either a "statement" or "effects" | null',
      '15:53 not an effect: "eat on table demo-db/x" | write it like: delete on table demo-db/shop/public/orders',
      '15:114 no policy has the id "holt" | did you mean "hold"?',
      '16:32 group "dbaa" is not in bindings.yaml | did you mean "dba"?',
    ]);
    expect(await problems('  - { name: a, who: ann, target: demo-db, statment: x, expect: alow }')).toEqual([
      expect.stringContaining('unknown key "statment" | did you mean "statement"?'),
      expect.stringContaining('expect'),
    ]);
  });

  describe('reports', () => {
    let report: TestReport & { ok: true };
    beforeAll(async () => {
      const outcome = await run(`
  - { name: "<a> & \\"b\\"", who: ann, target: demo-db, statement: "select 1 from orders", expect: deny }
  - { name: fine, who: ann, target: demo-db, statement: "insert into orders values (1)", expect: allow }
`);
      if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
      report = outcome;
    });

    it('which policies no test speaks of', () => {
      const { policies, covered, uncovered } = report.coverage;
      expect([policies, covered]).toEqual([9, 2]);
      expect(uncovered.map(({ id, line }) => `${id}:${line}`)).toContain('hold:6');
    });

    it('as JUnit XML, with everything escaped', () => {
      const xml = junitXml(report.results);
      expect(xml).toContain('<testsuite name="policies/x.test.yaml" tests="2" failures="1"');
      expect(xml).toContain('name="&lt;a&gt; &amp; &quot;b&quot;"');
      expect(xml).toContain('<failure message="expected deny, got allow by read">policies/x.test.yaml:12&#10;');
    });
  });

  it('runs nothing of a bundle that is invalid', async () => {
    const report = await runPolicyTests({ files: bundleFiles('permit (principal, action, resorce);') });
    expect(report.ok).toBe(false);
  });
});
