import { describe, expect, it } from 'vitest';
import type { VerifiedToken } from '../../../src/identity/types.js';
import { resolvePrincipal } from '../../../src/policy/bindings.js';
import { loadBundle } from '../../../src/policy/bundle.js';
import { bundleFiles } from './fixtures.js';

const bindings = `groups:
  dba: { claims: { groups: [db-admins, dba] } }
  ops: { users: [ann@corp.example, "https://idp.example#s-9"] }
  bots: { machines: [robot] }
  ours: { issuer: "https://idp.example", claims: { groups: [everyone] } }
  nobody:
`;
const result = loadBundle(bundleFiles('permit (principal, action, resource);', { 'bindings.yaml': bindings }));
const bundle = result.ok ? result.bundle : null;

function groupsOf(token: Partial<VerifiedToken>): readonly string[] {
  if (bundle === null) throw new Error(JSON.stringify(result.problems));
  const whole: VerifiedToken = {
    issuer: 'https://idp.example',
    subject: 's-1',
    name: 'x',
    kind: 'human',
    mfa: false,
    claimGroups: [],
    expiresAt: 0,
    ...token,
  };
  return resolvePrincipal(whole, bundle).groups;
}

describe('a principal', () => {
  it('is who the token says, in the groups that bindings give it', () => {
    if (bundle === null) throw new Error('no bundle');
    const token: VerifiedToken = {
      issuer: 'https://idp.example',
      subject: 's-1',
      name: 'ann@corp.example',
      kind: 'human',
      mfa: true,
      claimGroups: ['db-admins', 'everyone'],
      expiresAt: 0,
    };
    expect(resolvePrincipal(token, bundle)).toEqual({
      id: 'https://idp.example#s-1',
      name: 'ann@corp.example',
      kind: 'human',
      issuer: 'https://idp.example',
      mfa: true,
      groups: ['dba', 'ops', 'ours'],
    });
  });

  it('has the names that its token and the list of people give it', () => {
    const files = bundleFiles('permit (principal, action, resource);', {
      'bindings.yaml': 'groups: {}\npeople:\n  - [ann@corp.example, "https://idp2.example#7", robot-ann]\n  - [x, y]\n',
    });
    const known = loadBundle(files);
    if (!known.ok) throw new Error(JSON.stringify(known.problems));
    const aliases = (token: Partial<VerifiedToken>) =>
      resolvePrincipal(
        {
          ...{ issuer: 'https://idp2.example', subject: '7', name: 'a', kind: 'human', mfa: false },
          claimGroups: [],
          expiresAt: 0,
          ...token,
        },
        known.bundle,
      ).aliases;
    const ann = ['ann@corp.example', 'https://idp2.example#7', 'robot-ann'];
    expect(aliases({})).toEqual(ann);
    expect(aliases({ subject: '8', aliases: ['Ann@corp.example', 'a2'] })).toEqual(['Ann@corp.example', 'a2', ...ann]);
    expect(aliases({ subject: '8', name: 'robot-ann', kind: 'machine' })).toEqual(ann);
    expect(aliases({ subject: '8' })).toBeUndefined();
  });

  it('gets no group from a claim that nobody bound, also not one of the same name', () => {
    expect(groupsOf({ claimGroups: ['ops', 'nobody', 'bots', 'admins', '__proto__'] })).toEqual([]);
  });

  it('is matched exactly: by whole name, by issuer and subject, never by part', () => {
    expect(groupsOf({ name: 'Ann@corp.example' })).toEqual([]);
    expect(groupsOf({ subject: 's-9' })).toEqual(['ops']);
    expect(groupsOf({ subject: 's-9', issuer: 'https://other.example' })).toEqual([]);
    expect(groupsOf({ subject: 'ann@corp.example' })).toEqual([]);
  });

  it('is a machine only by a machine’s token, and a person only by a person’s', () => {
    expect(groupsOf({ name: 'robot' })).toEqual([]);
    expect(groupsOf({ name: 'robot', kind: 'machine' })).toEqual(['bots']);
    expect(groupsOf({ subject: 'robot', kind: 'machine' })).toEqual(['bots']);
    expect(groupsOf({ name: 'ann@corp.example', kind: 'machine' })).toEqual([]);
  });

  it('belongs to a group of one issuer by that issuer’s tokens alone', () => {
    expect(groupsOf({ claimGroups: ['everyone'] })).toEqual(['ours']);
    expect(groupsOf({ claimGroups: ['everyone'], issuer: 'https://evil.example' })).toEqual([]);
  });
});
