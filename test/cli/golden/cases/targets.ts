import type { CommandCases } from '../case.js';

const unreachable = { SLUICE_GATEWAY: 'http://127.0.0.1:1' };

export const readingTargets: readonly CommandCases[] = [
  { command: 'targets', error: { as: null, code: 4 } },
  { command: 'describe', args: ['demo-db'], error: { args: ['demo-bd'], code: 9 } },
  { command: 'whoami', error: { env: unreachable, code: 11 } },
  { command: 'status', error: { args: ['--check'], env: unreachable, code: 11 } },
];

export const actingOnTargets: readonly CommandCases[] = [
  {
    command: 'exec',
    args: ['demo-db', 'select id, name, email from customers order by id limit 3'],
    error: { args: ['demo-db', 'drop table orders'], code: 5 },
  },
];
