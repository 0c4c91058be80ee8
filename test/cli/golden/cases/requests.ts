import { type CommandCases, heldText, type Words } from '../case.js';

/** A pending request of this case's own, then more words. */
const pending =
  (word: string, ...more: readonly string[]): Words =>
  async ({ world, form }) => [await world.pendingRequest(heldText(form, word)), ...more];

export const readingRequests: readonly CommandCases[] = [
  { command: 'requests list', as: 'robot', error: { args: ['--state', 'pendng'], code: 2 } },
];

export const actingOnRequests: readonly CommandCases[] = [
  {
    command: 'requests create',
    args: ({ form }) => ['demo-db', heldText(form, 'paid'), '--reason', 'INC-42'],
    error: { args: ['demo-db'], code: 2 },
  },
  {
    command: 'requests show',
    // A table that no other case asks about: what was asked like it is shown.
    args: async ({ world, form }) => [await world.pendingRequest(`delete from payments where id = ${form.length}`)],
    error: { args: ['req_0000000000000000'], code: 9 },
  },
  {
    command: 'requests approve',
    as: 'reviewer',
    args: pending('new', '--comment', 'ok'),
    error: { as: 'engineer', args: pending('new'), code: 5 },
  },
  {
    command: 'requests deny',
    as: 'reviewer',
    args: pending('shipped', '--comment', 'not today'),
    error: { args: pending('shipped'), code: 2 },
  },
];
