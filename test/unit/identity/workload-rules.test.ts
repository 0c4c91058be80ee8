import { expect, test } from 'vitest';
import { admitWorkload, type WorkloadRule } from '../../../src/identity/workload-rules.js';

const github = {
  sub: 'repo:corp/deploy:ref:refs/heads/main',
  repository: 'corp/deploy',
  ref: 'refs/heads/main',
  actor: 'ann',
  run_id: 42,
};
const pod = {
  sub: 'system:serviceaccount:shop:worker',
  'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'worker', uid: 'u-1' } },
};
const rule = (claims: WorkloadRule['claims'], more: Partial<WorkloadRule> = {}): WorkloadRule => ({
  claims,
  name: 'deploy',
  groups: ['ci'],
  onBehalfOf: null,
  ...more,
});

test.each<[string, Readonly<Record<string, unknown>>, WorkloadRule['claims'], boolean]>([
  ['the exact claims', github, { repository: 'corp/deploy', ref: 'refs/heads/main' }, true],
  ['one of several values', github, { ref: ['refs/heads/release', 'refs/heads/main'] }, true],
  ['a star within one part', github, { repository: 'corp/*' }, true],
  ['a number', github, { run_id: '42' }, true],
  ['a nested claim whose names have dots', pod, { 'kubernetes.io.serviceaccount.name': 'worker' }, true],
  ['two stars over parts', github, { sub: 'repo:corp/**' }, true],
  ['a star does not cross into another part', github, { sub: 'repo:*:ref:refs/heads/main' }, false],
  ['a star does not match a longer name', { repository: 'corp/x/y' }, { repository: 'corp/*' }, false],
  ['one claim of two differs', github, { repository: 'corp/deploy', ref: 'refs/heads/evil' }, false],
  ['a claim that is missing', github, { environment: 'prod' }, false],
  ['an empty claim is not missing, and not anything', { environment: '' }, { environment: '*x' }, false],
  ['a prefix is no match', { repository: 'corp/deploy-evil' }, { repository: 'corp/deploy' }, false],
  ['a dot is a dot', { repository: 'corpXdeploy' }, { repository: 'corp.deploy' }, false],
  ['an object is no text', pod, { 'kubernetes.io': '**' }, false],
  ['an array is no text', { groups: ['a'] }, { groups: 'a' }, false],
  ['a name of JavaScript’s own', github, { 'constructor.name': '**' }, false],
  ['case counts', github, { repository: 'Corp/Deploy' }, false],
  ['a line end is no way out', { repository: 'corp/deploy\nx' }, { repository: 'corp/deploy' }, false],
])('admits or not by %s', (_name, claims, wanted, admitted) => {
  expect(admitWorkload(claims, [rule(wanted)]) !== null).toBe(admitted);
});

test('the first rule that matches says what the workload is called', () => {
  const rules = [
    rule({ repository: 'corp/other' }, { name: 'other' }),
    rule({ repository: 'corp/*' }, { name: 'github:{repository}', onBehalfOf: 'actor', groups: ['deployers'] }),
    rule({ repository: '**' }, { name: 'never' }),
  ];
  expect(admitWorkload(github, rules)).toEqual({
    name: 'github:corp/deploy',
    groups: ['deployers'],
    onBehalfOf: 'ann',
  });
});

test('a name that a missing claim would leave half empty admits nobody', () => {
  expect(admitWorkload(github, [rule({ repository: '**' }, { name: 'x:{environment}' })])).toBeNull();
});
