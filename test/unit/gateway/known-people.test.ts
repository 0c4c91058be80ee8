import { expect, it } from 'vitest';
import { KnownPeople } from '../../../src/gateway/known-people.js';
import type { VerifiedToken } from '../../../src/identity/types.js';
import type { PeopleStore, SeenPerson } from '../../../src/store/ports.js';

const minute = 60_000;
const ann: VerifiedToken = {
  ...{ issuer: 'idp', subject: 'ann', name: 'ann@corp.example', kind: 'human', mfa: true, claimGroups: ['dba'] },
  ...{ expiresAt: 0, aliases: ['annie'] },
};

function setUp() {
  const saved: SeenPerson[] = [];
  const problems: string[] = [];
  const world = { now: 0, isFull: false };
  const store: PeopleStore = {
    save(person) {
      if (world.isFull) throw new Error('the disk is full');
      saved.push(person);
    },
    find: (issuer, name) =>
      [...new Map(saved.map((one) => [one.id, one])).values()].filter(
        (one) => one.issuer === issuer && [one.name, one.id].includes(name),
      ),
    prune: () => undefined,
  };
  const again = () =>
    new KnownPeople(
      store,
      () => world.now,
      (message) => void problems.push(message),
    );
  return { people: again(), again, saved, problems, world };
}

it('writes a person down once a minute, at once when another token comes, and a machine never', () => {
  const { people, saved, world } = setUp();
  people.saw(ann);
  people.saw(ann);
  people.saw({ ...ann, kind: 'machine', subject: 'robot' });
  expect(saved).toHaveLength(1);
  people.saw({ ...ann, claimGroups: [] });
  expect(saved).toHaveLength(2);
  world.now += minute;
  people.saw(ann);
  expect(saved.map(({ seenAt }) => seenAt)).toEqual([0, 0, minute]);
});

it('keeps what the newest token of a client said when an older one is shown again, also after a start', () => {
  const { people, saved, world, again } = setUp();
  const granted = { grantedTo: 'cli', issuedAt: 2_000 };
  people.saw({ ...ann, ...granted, claimGroups: [] });
  for (const known of [people, again()]) {
    world.now += minute;
    known.saw({ ...ann, ...granted, issuedAt: 1_000 });
    expect(known.find('idp', 'idp#ann')).toMatchObject({ token: { claimGroups: [] }, seenAt: world.now });
  }
  people.saw({ ...ann, grantedTo: 'console', issuedAt: 1_500 }); // what another client is told is not compared
  expect(JSON.parse(saved.at(-1)?.token ?? '')).toMatchObject({ claimGroups: ['dba'] });
});

it('gives back what the token said, and nobody in particular for a name that two have', () => {
  const { people } = setUp();
  people.saw(ann);
  expect(people.find('idp', 'ann@corp.example')).toEqual({ token: ann, seenAt: 0 });
  expect(people.find('idp', 'idp#ann')).toEqual({ token: ann, seenAt: 0 });
  expect(people.find('other', 'ann@corp.example')).toBeNull();
  people.saw({ ...ann, subject: 'other-ann' });
  expect(people.find('idp', 'ann@corp.example')).toBe('many');
});

it('keeps nobody out when the store cannot be written, and writes with the next call', () => {
  const { people, saved, problems, world } = setUp();
  world.isFull = true;
  people.saw(ann);
  expect(problems).toEqual(['who was here cannot be written']);
  world.isFull = false;
  people.saw(ann);
  expect(saved).toHaveLength(1);
});
