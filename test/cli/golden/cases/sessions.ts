import type { CommandCases } from '../case.js';

export const readingSessions: readonly CommandCases[] = [
  { command: 'sessions list', as: 'reviewer', error: { args: ['--state', 'dead'], code: 2 } },
  {
    command: 'sessions show',
    as: 'reviewer',
    args: ({ world }) => [world.session],
    error: { as: 'engineer', args: ({ world }) => [world.session], code: 9 },
  },
];
