import type { CommandCases, Place } from '../case.js';

const absent = 'ses_0000000000000000';
const recorded = ({ world }: Place): readonly string[] => [world.session];

/** The robot's, live: a statement that waits until the session is ended. */
async function waiting({ world }: Place): Promise<string> {
  const body = { target: 'demo-db', text: 'select pg_sleep(60)' };
  void world.gateway.call('POST', '/v1/exec', { as: 'robot', body }).catch(() => undefined); // it is ended, as it should be
  for (let attempt = 0; attempt < 400; attempt++) {
    const { sessions } = await world.call('reviewer', 'GET', '/v1/sessions?state=live&user=robot');
    const [live] = sessions as readonly { readonly id: string; readonly operations: number }[];
    if (live !== undefined && live.operations > 0) return live.id;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('the session does not begin');
}

export const readingSessions: readonly CommandCases[] = [
  { command: 'sessions list', as: 'reviewer', error: { args: ['--state', 'dead'], code: 2 } },
  {
    command: 'sessions show',
    as: 'reviewer',
    args: recorded,
    error: { as: 'engineer', args: recorded, code: 9 },
  },
  {
    command: 'sessions search',
    as: 'reviewer',
    args: ['customers', 'verdict:allow'],
    error: { args: ['since:yesterday'], code: 2 },
  },
  {
    command: 'sessions export',
    as: 'reviewer',
    args: ({ world }) => [world.session, '--format', 'csv', '-o', 'rows.csv'],
    error: { args: ({ world }) => [world.session, '--format', 'file'], code: 2 },
  },
  { command: 'sessions verify', as: 'reviewer', args: recorded, error: { args: ['no.journal'], code: 2 } },
  {
    command: 'play',
    as: 'reviewer',
    // The player itself is tested on its own.
    args: ({ world }) => [world.session, '--format', 'text'],
    asks: { as: 'reviewer', args: recorded },
    error: { args: [absent], code: 9 },
  },
  { command: 'signals list', as: 'reviewer', error: { as: 'engineer', code: 5 } },
];

export const actingOnSessions: readonly CommandCases[] = [
  {
    command: 'sessions hold',
    as: 'reviewer',
    args: async ({ world }) => [await world.endedSession(), '--reason', 'INC-42'],
    error: { args: recorded, code: 2 },
  },
  {
    command: 'sessions release',
    as: 'reviewer',
    args: async ({ world }) => {
      const session = await world.endedSession();
      await world.call('reviewer', 'POST', `/v1/sessions/${session}/hold`, { reason: 'INC-42' });
      return [session, '--reason', 'INC-43'];
    },
    error: { args: [absent, '--reason', 'INC-42'], code: 9 },
  },
  {
    command: 'sessions kill',
    as: 'reviewer',
    args: async (place) => [await waiting(place), '--reason', 'INC-42'],
    error: { args: [absent, '--reason', 'INC-42'], code: 9 },
  },
  {
    command: 'sessions watch',
    as: 'reviewer',
    args: ['--user', 'reviewer2@demo.example'],
    meanwhile: {
      begun: /Watching/,
      async do({ world }) {
        await world.call('reviewer2', 'POST', '/v1/exec', { target: 'demo-db', text: 'select 1 as one' });
      },
    },
    until: /session.ended/,
    stream: true,
    code: 130,
    error: { args: ['--session', absent], code: 9 },
  },
  {
    command: 'signals watch',
    as: 'reviewer',
    meanwhile: { begun: /Watching/, do: ({ world }) => world.tamper(10) },
    until: /gateway-tampering/,
    stream: true,
    code: 130,
    error: { as: 'engineer', code: 5 },
  },
];
