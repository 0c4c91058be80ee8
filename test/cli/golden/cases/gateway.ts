import { join } from 'node:path';
import { writeBootstrap } from '../world.js';
import type { CommandCases, Place, Words } from '../case.js';

/** A gateway that has never run, and one that has, in the home. */
const fresh: Words = async ({ home }) => ['--config', await writeBootstrap(home)];
const ended: Words = async ({ world, home }: Place) => ['--config', await world.endedGateway(home)];
const absent = { args: ['--config', 'absent.yaml'], code: 2 } as const;

/** What runs where the gateway does. */
export const gatewayCommands: readonly CommandCases[] = [
  {
    command: 'quickstart',
    as: null,
    // One for all three: the first fills the shop.
    args: ({ world }) => ['--state-dir', join(world.dir, 'quickstart'), '--port', '0', '--no-open'],
    until: /apply -f|"event":"ready"/,
    stream: true,
    error: {
      args: ({ world }) => ['--state-dir', 'new', '--port', new URL(world.gateway.url).port],
      code: 13,
    },
  },
  { command: 'gateway keys list', as: 'reviewer', error: { as: null, ...absent } },
  { command: 'gateway keys rotate', as: null, args: ended, error: { args: fresh, code: 9 } },
  { command: 'gateway reindex', as: null, args: ended, error: { args: fresh, code: 9 } },
  {
    command: 'gateway init',
    as: null,
    args: ['--dir', 'here'],
    error: {
      args: async ({ sluice }) => {
        await sluice('gateway', 'init', '--dir', 'here');
        return ['--dir', 'here'];
      },
      code: 13,
    },
  },
  {
    command: 'gateway identity',
    as: null,
    args: ['--output', 'identity.txt'],
    error: {
      args: async ({ sluice }) => {
        await sluice('gateway', 'identity', '--output', 'identity.txt');
        return ['--output', 'identity.txt'];
      },
      code: 13,
    },
  },
  {
    command: 'gateway start',
    as: null,
    args: fresh,
    env: { SLUICE_LOG_LEVEL: 'silent' },
    until: /ready/,
    error: absent,
  },
];
