import { type CommandCases, heldText, type Place, type Words } from '../case.js';

/** A pending request of this case's own, then more words. */
const pending =
  (word: string, ...more: readonly string[]): Words =>
  async ({ world, form }) => [await world.pendingRequest(heldText(form, word)), ...more];

/** The same, decided by a reviewer. */
async function decided({ world, form }: Place, word: string, decision: 'approve' | 'deny'): Promise<string> {
  const id = await world.pendingRequest(heldText(form, word));
  await world.call('reviewer', 'POST', `/v1/requests/${id}/${decision}`, { comment: 'as agreed' });
  return id;
}

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
    asks: { as: 'reviewer', args: pending('shipped'), code: 2 },
    error: { args: pending('shipped'), code: 2 },
  },
  {
    command: 'requests cancel',
    args: pending('cancelled', '--comment', 'not needed'),
    error: { args: async (place) => [await decided(place, 'cancelled', 'deny')], code: 10 },
  },
  {
    command: 'requests revoke',
    as: 'reviewer',
    args: async (place) => [await decided(place, 'returned', 'approve'), '--comment', 'not needed'],
    error: { args: async (place) => [await decided(place, 'returned', 'deny')], code: 10 },
  },
  {
    command: 'requests wait',
    args: async (place) => [await decided(place, 'delivered', 'approve')],
    error: { args: async (place) => [await decided(place, 'delivered', 'deny')], code: 6 },
  },
];
