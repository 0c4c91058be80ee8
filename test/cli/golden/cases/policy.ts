import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CommandCases, Place } from '../case.js';

const tests = `who:
  ann: { kind: human, groups: [engineers] }
tests:
  - name: dropping is refused
    who: ann
    target: demo-db
    statement: drop table orders
    expect: deny
`;

/** The bundle in force as a folder, with changes. */
async function folder({ world, home }: Place, changes: Readonly<Record<string, string>> = {}): Promise<string> {
  for (const [path, text] of new Map([...world.bundle, ...Object.entries(changes)])) {
    const file = join(home, 'bundle', path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return 'bundle';
}

const mistaken = { 'policies/new.cedar': '@id("new")\npermit (principal, action == Action::"raed", resource);\n' };
const noReads = { 'policies/new.cedar': '@id("no-reads")\nforbid (principal, action in Action::"read", resource);\n' };

export const readingPolicy: readonly CommandCases[] = [
  {
    command: 'policy check',
    args: async (place) => [await folder(place)],
    as: null,
    error: { args: ['absent'], code: 2 },
  },
  {
    command: 'policy test',
    as: null,
    args: async (place) => [await folder(place, { 'policies/demo.test.yaml': tests })],
    error: { args: ['absent'], code: 2 },
  },
  {
    command: 'policy explain',
    args: ['demo-db', "update orders set status = 'paid' where id = 7"],
    error: { args: ['demo-db'], code: 2 },
  },
  {
    command: 'policy replay',
    as: 'reviewer',
    args: async (place) => [await folder(place, noReads)],
    error: { as: 'engineer', args: async (place) => [await folder(place)], code: 5 },
  },
  { command: 'policy versions', as: 'reviewer', error: { args: ['--limit', '0'], code: 2 } },
  {
    command: 'apply',
    as: 'reviewer',
    args: async (place) => ['--file', await folder(place, noReads), '--dry-run'],
    error: { args: async (place) => ['--file', await folder(place, mistaken)], code: 2 },
  },
];
