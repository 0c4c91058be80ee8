import type { CommandCases } from '../case.js';
import { numberOf } from '../case.js';

const absent = 'grt_0000000000000000';

export const readingAccess: readonly CommandCases[] = [
  { command: 'access list', as: 'reviewer2', args: ['--all'], error: { args: ['--al'], code: 2 } },
];

export const actingOnAccess: readonly CommandCases[] = [
  {
    command: 'access request',
    args: ({ form }) => ['guests', '--for', `${numberOf(form)}m`, '--reason', 'INC-42'],
    error: { args: ['guests', '--for', '5h', '--reason', 'INC-42'], code: 2 },
  },
  {
    command: 'access revoke',
    as: 'reviewer',
    args: async ({ world }) => [await world.emergency('night-shift'), '--comment', 'over'],
    error: { args: [absent], code: 9 },
  },
  {
    command: 'access review',
    as: 'reviewer',
    args: async ({ world }) => {
      const grant = await world.emergency('fire-watch');
      await world.call('reviewer', 'POST', `/v1/access/${grant}/revoke`, {});
      return [grant, '--comment', 'it was right'];
    },
    error: { args: [absent, '--comment', 'it was right'], code: 9 },
  },
];
