import { expect, it } from 'vitest';
import { NewestClaims } from '../../../src/gateway/newest-claims.js';
import type { VerifiedToken } from '../../../src/identity/types.js';

function token(issuedAt: number, claimGroups: readonly string[], grantedTo = 'cli'): VerifiedToken {
  return {
    ...{ issuer: 'idp', subject: 'ann', name: 'ann@corp.example', kind: 'human', mfa: true, claimGroups },
    ...{ expiresAt: issuedAt + 600_000, issuedAt, grantedTo },
  };
}
const open = (clock = () => 0) => new NewestClaims(clock, 60_000);

it('takes from an older token what the newest does not name, whichever is shown first, and gives it nothing', () => {
  for (const order of [0, 1]) {
    const newest = open();
    const [old, now] = [token(1_000, ['dba', 'team']), token(2_000, ['team', 'on-call'])];
    const shown = order === 0 ? [old, now] : [now, old];
    const news = shown.map((one) => newest.saw(one));
    expect(news).toEqual([false, order === 0]);
    expect(newest.narrow(old).claimGroups).toEqual(['team']);
    expect(newest.narrow(now)).toBe(now);
  }
});

it('gives back what a still newer token names again', () => {
  const newest = open();
  const old = token(1_000, ['dba']);
  for (const one of [old, token(2_000, []), token(3_000, ['dba'])]) newest.saw(one);
  expect(newest.narrow(old)).toBe(old);
  expect(newest.revision).toBe(2);
});

it('takes the less of two tokens of the same second', () => {
  const newest = open();
  const [more, less] = [token(1_000, ['dba', 'team']), token(1_000, ['team'])];
  expect([newest.saw(less), newest.saw(more), newest.saw(less)]).toEqual([false, false, false]);
  expect(newest.narrow(more).claimGroups).toEqual(['team']);
});

it('compares nothing with tokens of another client or scope, nor those that say no such thing', () => {
  const newest = open();
  const old = token(1_000, ['dba']);
  const { grantedTo: _, ...unsaid } = token(2_000, []);
  for (const one of [old, token(2_000, [], 'mcp'), unsaid, { ...token(2_000, []), subject: 'bob' }]) newest.saw(one);
  expect(newest.narrow(old)).toBe(old);
  expect(newest.revision).toBe(0);
});

it('forgets a login when nothing of it can be open', () => {
  let now = 0;
  const newest = open(() => now);
  const old = token(1_000, ['dba']);
  for (const one of [old, token(2_000, [])]) newest.saw(one);
  now = 602_000 + 59_999;
  newest.prune();
  expect(newest.narrow(old).claimGroups).toEqual([]);
  now += 1;
  newest.prune();
  expect(newest.narrow(old)).toBe(old);
});
