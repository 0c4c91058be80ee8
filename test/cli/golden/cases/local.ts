import type { CommandCases } from '../case.js';

/** What has to do with this machine: logins, schemas, settings. */
export const localCommands: readonly CommandCases[] = [
  { command: 'schema', args: ['version'], as: null, error: { args: ['exce'], code: 9 } },
  {
    command: 'login',
    as: null,
    args: ({ world }) => [world.gateway.url, '--as', 'engineer'],
    error: { args: ['http://127.0.0.1:1', '--as', 'engineer'], code: 11 },
  },
];
