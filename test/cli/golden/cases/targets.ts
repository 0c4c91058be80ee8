import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandCases } from '../case.js';

const unreachable = { SLUICE_GATEWAY: 'http://127.0.0.1:1' };

export const readingTargets: readonly CommandCases[] = [
  { command: 'targets', error: { as: null, code: 4 } },
  { command: 'describe', args: ['demo-db'], error: { args: ['demo-bd'], code: 9 } },
  { command: 'whoami', error: { env: unreachable, code: 11 } },
  { command: 'status', error: { args: ['--check'], env: unreachable, code: 11 } },
  { command: 'doctor', args: ['demo-db'], error: { args: ['demo-bd', 'extra'], code: 2 } },
  { command: 'relays list', as: 'reviewer', error: { as: 'engineer', code: 5 } },
  { command: 'config ssh', error: { as: null, code: 4 } },
  { command: 'ssh certificate', error: { args: ['--key', 'absent'], code: 2 } },
  { command: 'secrets list', as: 'reviewer', error: { as: 'engineer', code: 5 } },
];

export const actingOnTargets: readonly CommandCases[] = [
  {
    command: 'exec',
    args: ['demo-db', 'select id, name, email from customers order by id limit 3'],
    asks: { args: ['demo-db', "update orders set status = 'new' where id = 99"], code: 8 },
    error: { args: ['demo-db', 'drop table orders'], code: 5 },
  },
  {
    command: 'connect',
    args: ['demo-db', '--port', '0'],
    until: /until Ctrl-C/,
    error: { args: ['demo-bd'], code: 9 },
  },
  {
    command: 'relay',
    as: 'robot',
    args: ['office', '--allow', '127.0.0.1:1'],
    until: /[Cc]onnected/,
    stream: true,
    error: { args: ['office'], code: 2 },
  },
];

/** Each prints all that there are: nothing else may happen beside it. */
export const actingOnWhatIsKept: readonly CommandCases[] = [
  {
    command: 'secrets set',
    as: 'reviewer',
    // On a terminal it would ask.
    args: async ({ home, form }) => {
      if (form !== 'tty') return ['golden'];
      await writeFile(join(home, 'secret'), 'a secret');
      return ['golden', '--from-file', 'secret'];
    },
    input: 'a secret\n',
    asks: { as: 'reviewer', args: ['golden'], code: 2 },
    error: { args: ['golden'], input: '', code: 2 },
  },
  {
    command: 'secrets remove',
    as: 'reviewer',
    args: async ({ world, form }) => {
      await world.call('reviewer', 'PUT', `/v1/secrets/of-${form}`, { value: 'a secret' });
      return [`of-${form}`];
    },
    error: { args: ['nothing'], code: 9 },
  },
  {
    command: 'copies list',
    as: 'reviewer',
    args: async ({ world }) => {
      await world.copied();
      return ['demo-db'];
    },
    error: { args: ['demo-db'], as: 'engineer', code: 5 },
  },
  {
    command: 'copies end',
    as: 'reviewer',
    args: async ({ world }) => {
      await world.copied();
      return ['demo-db', 'public.customers.notes', '--reason', 'cleaned, INC-42'];
    },
    error: { args: ['demo-db', 'public.customers.city', '--reason', 'never had one'], code: 9 },
  },
  {
    command: 'ssh keys list',
    as: 'reviewer2',
    // Each of the three adds one.
    args: async ({ sluice }) => {
      await sluice('ssh', 'keys', 'add');
      return [];
    },
    error: { as: null, code: 4 },
  },
  { command: 'ssh keys add', args: ['--expires', '90d'], error: { args: ['--key', 'absent'], code: 2 } },
  {
    command: 'ssh keys remove',
    args: async ({ sluice }) => {
      const list = JSON.parse(await sluice('ssh', 'keys', 'add', '--json')) as {
        readonly keys: { readonly id: string }[];
      };
      return [list.keys.at(-1)?.id ?? ''];
    },
    error: { args: ['ssk_0000000000000000'], code: 9 },
  },
];
