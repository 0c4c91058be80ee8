import { describe, expect, it } from 'vitest';
import type { Effect } from '../../../src/analysis/effects.js';
import { loadBundle } from '../../../src/policy/bundle.js';
import { narrowClassification } from '../../../src/policy/classification.js';
import { compilePolicies } from '../../../src/policy/decide.js';
import { permissionsFor } from '../../../src/policy/permissions.js';
import { starterBundle } from '../../../src/quickstart/bundle.js';
import { ask, effect, gatewayEffect, machine, person } from './fixtures.js';

const result = loadBundle(starterBundle({ pgPort: 54321 }));
if (!result.ok) throw new Error(JSON.stringify(result.problems));
const { bundle } = result;
const policies = compilePolicies(bundle);

const engineer = person('engineer', 'engineers');
const reviewer = person('reviewer', 'dba', 'reviewers');
const robot = machine('robot', 'machines');
const stranger = person('stranger');

const call = (name: string, volatility: string, source = 'builtin'): Effect =>
  effect(
    'callFunction',
    `${source === 'builtin' ? 'pg_catalog' : 'public'}.${name}`,
    { volatility, source },
    'Function',
  );
const unfiltered = { filtered: false };

/** What each statement does, and what engineer, robot and reviewer are answered: allow, the deny's policy, or hold. */
const table: readonly [string, readonly Effect[], string, string, string][] = [
  ['connecting', [effect('connect')], 'allow', 'allow', 'allow'],
  ['BEGIN', [effect('transaction')], 'allow', 'allow', 'allow'],
  ['PREPARE', [effect('prepare')], 'allow', 'allow', 'allow'],
  [
    "SET application_name = 'x'",
    [effect('setSafeParameter', '', { object: 'application_name' })],
    'allow',
    'allow',
    'allow',
  ],
  ['SET ROLE postgres', [effect('setRole')], 'deny', 'deny', 'deny'],
  ['SET search_path = x', [effect('setParameter', '', { object: 'search_path' })], 'deny', 'deny', 'deny'],
  ['SELECT * FROM customers', [effect('select', 'public.customers')], 'allow', 'allow', 'allow'],
  [
    'SELECT count(*) FROM orders',
    [effect('select', 'public.orders'), call('count', 'immutable')],
    'allow',
    'allow',
    'allow',
  ],
  [
    'psql \\d',
    [effect('select', 'pg_catalog.pg_class'), call('pg_table_is_visible', 'stable')],
    'allow',
    'allow',
    'allow',
  ],
  ['psql \\dt+', [effect('select', 'pg_catalog.pg_class'), call('pg_table_size', 'stable')], 'allow', 'allow', 'allow'],
  ['SELECT order_total(1)', [call('order_total', 'stable', 'user')], 'allow', 'allow', 'allow'],
  ['SELECT wipe()', [call('wipe', 'volatile', 'user')], 'deny', 'deny', 'allow'],
  ['SELECT pg_sleep(9)', [call('pg_sleep', 'volatile')], 'allow', 'allow', 'allow'],
  ["SELECT setval('s', 1)", [call('setval', 'volatile')], 'deny', 'deny', 'allow'],
  [
    "SELECT pg_read_file('/etc/passwd')",
    [call('pg_read_file', 'volatile')],
    'no-server-functions',
    'no-server-functions',
    'no-server-functions',
  ],
  [
    "SELECT table_to_xml('customers', …)",
    [call('table_to_xml', 'stable')],
    'no-dynamic-sql',
    'no-dynamic-sql',
    'no-dynamic-sql',
  ],
  [
    'SELECT * FROM pg_stats',
    [effect('select', 'pg_catalog.pg_stats')],
    'no-statistics',
    'no-statistics',
    'no-statistics',
  ],
  [
    'SELECT * FROM pg_stat_activity',
    [effect('select', 'pg_catalog.pg_stat_activity')],
    'no-statistics',
    'no-statistics',
    'no-statistics',
  ],
  [
    'COPY customers TO STDOUT',
    [effect('copyOut', 'public.customers'), effect('select', 'public.customers')],
    'allow',
    'allow',
    'allow',
  ],
  [
    '… WHERE email = …',
    [effect('select', 'public.customers'), effect('infer', 'public.customers.email', { class: 'email' })],
    'hold',
    'no-inference',
    'hold',
  ],
  ['INSERT INTO orders …', [effect('insert', 'public.orders')], 'allow', 'deny', 'allow'],
  [
    'COPY orders FROM STDIN',
    [effect('copyIn', 'public.orders'), effect('insert', 'public.orders')],
    'allow',
    'deny',
    'allow',
  ],
  ['LOCK TABLE … (pg_dump)', [effect('lockTable', 'public.orders')], 'allow', 'deny', 'allow'],
  [
    'DELETE FROM orders WHERE id = 7',
    [effect('select', 'public.orders'), effect('delete', 'public.orders')],
    'hold',
    'deny',
    'hold',
  ],
  ['UPDATE orders SET … WHERE …', [effect('update', 'public.orders')], 'hold', 'deny', 'hold'],
  [
    'DELETE FROM orders',
    [effect('delete', 'public.orders', unfiltered)],
    'no-unfiltered-writes',
    'no-unfiltered-writes',
    'no-unfiltered-writes',
  ],
  [
    'UPDATE orders SET …',
    [effect('update', 'public.orders', unfiltered)],
    'no-unfiltered-writes',
    'no-unfiltered-writes',
    'no-unfiltered-writes',
  ],
  ['TRUNCATE orders', [effect('truncate', 'public.orders')], 'no-truncate', 'no-truncate', 'no-truncate'],
  ['DROP TABLE orders', [effect('drop', 'public.orders', { object: 'table' })], 'no-drop', 'no-drop', 'no-drop'],
  ['CREATE TABLE t …', [effect('create', 'public.t', { object: 'table' })], 'hold', 'deny', 'hold'],
  ['ALTER TABLE orders …', [effect('alter', 'public.orders', { object: 'table' })], 'hold', 'deny', 'hold'],
  ['GRANT …', [effect('grant', 'public.orders')], 'deny', 'deny', 'deny'],
  ['DO $$…$$', [effect('doBlock')], 'no-do-blocks', 'no-do-blocks', 'no-do-blocks'],
  ['COPY … TO PROGRAM', [effect('copyProgram')], 'no-server-access', 'no-server-access', 'no-server-access'],
  ["COPY … FROM '/etc/passwd'", [effect('copyFile')], 'no-server-access', 'no-server-access', 'no-server-access'],
  ["LOAD 'x'", [effect('loadLibrary')], 'no-server-access', 'no-server-access', 'no-server-access'],
  ['ALTER SYSTEM …', [effect('alterSystem')], 'no-server-access', 'no-server-access', 'no-server-access'],
  ['FunctionCall', [effect('functionCall')], 'deny', 'deny', 'deny'],
  ['replication', [effect('replicate')], 'deny', 'deny', 'deny'],
  ['something new', [effect('unknown')], 'no-unknown', 'no-unknown', 'no-unknown'],
];

function answer(...question: Parameters<typeof ask>): string {
  const decision = policies.decide(ask(...question));
  return decision.verdict === 'deny' ? (decision.policies[0] ?? 'deny') : decision.verdict;
}

describe('the starter bundle', () => {
  it('has no problems and no warnings', () => {
    expect(result.problems).toEqual([]);
    expect(bundle.targets[0]).toMatchObject({
      name: 'demo-db',
      host: '127.0.0.1',
      port: 54321,
      database: 'shop',
      username: 'sluice_gateway',
      recording: 'strict',
    });
  });

  it.each(table)('%s', (_, effects, forEngineer, forRobot, forReviewer) => {
    expect([answer(engineer, effects), answer(robot, effects), answer(reviewer, effects)]).toEqual([
      forEngineer,
      forRobot,
      forReviewer,
    ]);
    expect(answer(stranger, effects)).not.toMatch(/allow|hold/);
  });

  it('lets a DBA approve a filtered DELETE, and nothing else comes with it', () => {
    const remove = effect('delete', 'public.orders');
    expect(policies.decide(ask(engineer, [remove]))).toMatchObject({
      verdict: 'hold',
      approvals: [{ group: 'dba', count: 1, policy: 'demo-writes' }],
    });
    expect(answer(engineer, [remove], { approvals: ['dba'] })).toBe('allow');
    expect(answer(engineer, [remove], { approvals: ['reviewers'] })).toBe('hold');
    expect(answer(engineer, [effect('delete', 'public.orders', unfiltered)], { approvals: ['dba'] })).toBe(
      'no-unfiltered-writes',
    );
    expect(answer(robot, [remove], { approvals: ['dba'] })).toBe('deny');
  });

  it('shows nobody a classified value', () => {
    const reveal = [effect('reveal', 'public.customers.email', { class: 'email' })];
    for (const principal of [engineer, reviewer, robot, stranger])
      expect(policies.reveals(ask(principal, []), reveal)).toEqual([false]);
  });

  it('has an example of revealing that works once its comment signs are gone', () => {
    const files = new Map(bundle.files);
    const guardrails = (files.get('policies/guardrails.cedar') ?? '').replace(
      /^\/\/ ((?:@id\("on-call)[^]*)$/m,
      (_, rest: string) => rest.replace(/^\/\/ /gm, ''),
    );
    files.set('policies/guardrails.cedar', guardrails);
    files.set('bindings.yaml', `${files.get('bindings.yaml')}  on-call: {}\n`);
    const edited = loadBundle(files);
    if (!edited.ok) throw new Error(JSON.stringify(edited.problems));
    const effects = [
      effect('reveal', 'public.customers.email', { class: 'email' }),
      effect('reveal', 'public.employees.salary', { class: 'salary' }),
    ];
    const onCall = ask(person('ann', 'on-call'), [], { reason: 'INC-42' });
    expect(compilePolicies(edited.bundle).reveals(onCall, effects)).toEqual([true, false]);
    expect(compilePolicies(edited.bundle).reveals({ ...onCall, reason: null }, effects)).toEqual([false, false]);
  });

  it('reaches no target of another label', () => {
    const target = { name: 'demo-db', kind: 'postgres', labels: { env: 'prod' } };
    for (const principal of [engineer, reviewer, robot])
      expect(answer(principal, [effect('connect')], { target })).toBe('deny');
  });

  it.each([
    ['review', 'deny', 'allow'],
    ['apply', 'deny', 'allow'],
    ['manageSecrets', 'deny', 'allow'],
    ['readSession', 'deny', 'allow'],
    ['endSession', 'deny', 'allow'],
    ['holdSession', 'deny', 'allow'],
    ['readPolicy', 'deny', 'allow'],
  ] as const)('keeps %s of the gateway for reviewers and DBAs', (action, forEngineer, forReviewer) => {
    const onGateway = { target: null };
    expect(
      [engineer, robot, reviewer].map((principal) => answer(principal, [gatewayEffect(action)], onGateway)),
    ).toEqual([forEngineer, forEngineer, forReviewer]);
  });

  it('protects the demo shop’s columns and what looks like a password anywhere', () => {
    const { columns } = narrowClassification(bundle.classification, { name: 'demo-db' });
    expect(columns).toContainEqual({ schema: 'public', table: 'customers', column: 'email', class: 'email' });
    expect(columns).toContainEqual({ schema: '*', table: '*', column: '*password*', class: 'secret' });
    expect(bundle.classification.detectors).toEqual({
      email: 'mask',
      card: 'mask',
      iban: 'mask',
      phone: 'mask',
      'national-id': 'mask',
      'private-key': 'mask',
      token: 'mask',
    });
  });

  it('describes itself to an engineer', () => {
    const shown = permissionsFor(
      {
        principal: engineer,
        target: ask(engineer, []).target ?? { name: '', kind: '', labels: {} },
        database: 'shop',
        classes: ['email'],
      },
      policies,
    );
    const of = (action: string, detail = '') =>
      shown.find((permission) => permission.action === action && permission.detail === detail);
    expect(of('select')).toMatchObject({ verdict: 'allow', policies: ['engineers-work-on-demo'], message: '' });
    expect(of('delete')).toMatchObject({ verdict: 'hold', policies: ['demo-writes'] });
    expect(of('delete', 'without WHERE')).toMatchObject({ verdict: 'deny', policies: ['no-unfiltered-writes'] });
    expect(of('drop')).toMatchObject({ verdict: 'deny', policies: ['no-drop'] });
    expect(of('reveal', 'email')).toMatchObject({ verdict: 'deny', policies: [] });
    expect(of('connect')?.verdict).toBe('allow');
  });
});
