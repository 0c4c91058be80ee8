import { confirmDeviceCode } from '../../../../src/client/demo-confirm.js';
import type { Role } from '../../../integration/gateway-harness.js';
import type { Step } from '../terminal.js';
import type { World } from '../world.js';

/** What is asked of a person at a terminal, or waits for one there, and how they answer. */
export interface AskedCase {
  readonly name: string;
  readonly as: Role | null;
  readonly args: readonly string[] | ((world: World) => Promise<readonly string[]> | readonly string[]);
  readonly steps: (world: World) => readonly Step[];
  readonly code: number;
  /** What was typed and must never have been shown. */
  readonly hidden?: string;
}

const [enter, interrupt] = ['\r', '\u0003'];
const pending =
  (text: string, ...words: readonly string[]) =>
  async (world: World): Promise<readonly string[]> => [...words, await world.pendingRequest(text)];
const textOf = (word: string): string => `update customers set name = '${word}' where id = 7`;
const password = 'correct-horse-battery';

/** Decides the request that stands on the screen. */
const decide = (world: World, decision: 'approve' | 'deny') => async (screen: string) => {
  const [id = ''] = /req_[0-9a-z]{16}/.exec(screen) ?? [];
  await world.call('reviewer', 'POST', `/v1/requests/${id}/${decision}`, { comment: 'as agreed' });
};
const confirm = (user: string, decision: 'confirm' | 'deny') => async (screen: string) => {
  // The address is longer than a line of the screen.
  const address = /or open (\S+(?:\n\S+)?)/.exec(screen)?.[1]?.replace('\n', '') ?? '';
  await confirmDeviceCode({ verificationUriComplete: address, user, decision });
};

export const asked: readonly AskedCase[] = [
  {
    name: 'requests deny, with a reason',
    as: 'reviewer',
    args: pending(textOf('asked'), 'requests', 'deny'),
    steps: () => [{ shows: /Why\?/, type: `not on a Friday${enter}` }],
    code: 0,
  },
  {
    name: 'requests deny, without one',
    as: 'reviewer',
    args: pending(textOf('silent'), 'requests', 'deny'),
    steps: () => [{ shows: /Why\?/, type: enter }],
    code: 2,
  },
  {
    name: 'requests deny, interrupted',
    as: 'reviewer',
    args: pending(textOf('interrupted'), 'requests', 'deny'),
    steps: () => [{ shows: /Why\?/, type: interrupt }],
    code: 130,
  },
  {
    name: 'secrets set',
    as: 'reviewer',
    args: ['secrets', 'set', 'typed'],
    steps: () => [{ shows: /toggle visibility/, type: `${password}${enter}` }],
    code: 0,
    hidden: password,
  },
  {
    name: 'secrets set, interrupted',
    as: 'reviewer',
    args: ['secrets', 'set', 'typed'],
    steps: () => [{ shows: /toggle visibility/, type: interrupt }],
    code: 130,
  },
  {
    name: 'login by a code',
    as: null,
    args: ({ gateway }) => ['login', gateway.url],
    steps: () => [{ shows: /user_code=[A-Z]{4}-[A-Z]{4}/, meanwhile: confirm('engineer', 'confirm') }],
    code: 0,
  },
  {
    name: 'login by a code, refused',
    as: null,
    args: ({ gateway }) => ['login', gateway.url],
    steps: () => [{ shows: /user_code=[A-Z]{4}-[A-Z]{4}/, meanwhile: confirm('engineer', 'deny') }],
    code: 4,
  },
  {
    name: 'login by a code, interrupted',
    as: null,
    args: ({ gateway }) => ['login', gateway.url],
    steps: () => [{ shows: /user_code=[A-Z]{4}-[A-Z]{4}/, type: interrupt }],
    code: 130,
  },
  {
    name: 'login in a browser, interrupted',
    as: null,
    args: ({ gateway }) => ['login', gateway.url, '--browser'],
    steps: () => [{ shows: /response_typ\n?e=\n?code/, type: interrupt }],
    code: 130,
  },
  {
    name: 'exec that is approved',
    as: 'engineer',
    args: ['exec', 'demo-db', textOf('approved'), '--reason', 'INC-42'],
    steps: (world) => [{ shows: /waiting \d/, meanwhile: decide(world, 'approve') }],
    code: 0,
  },
  {
    name: 'exec that is refused',
    as: 'engineer',
    args: ['exec', 'demo-db', textOf('refused'), '--reason', 'INC-42'],
    steps: (world) => [{ shows: /waiting \d/, meanwhile: decide(world, 'deny') }],
    code: 6,
  },
  {
    name: 'exec that is interrupted while it waits',
    as: 'engineer',
    args: ['exec', 'demo-db', textOf('left'), '--reason', 'INC-42'],
    steps: () => [{ shows: /waiting \d/, type: interrupt }],
    code: 130,
  },
  {
    name: 'requests list --watch, left by q',
    as: 'reviewer2',
    args: ['requests', 'list', '--watch', '--mine'],
    steps: () => [{ shows: /\(q ends\)/, type: 'q' }],
    code: 0,
  },
];
