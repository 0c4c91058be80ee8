import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wire } from '../support/raw-postgres.js';
import { type OpenGateway, startOpenGateway } from './open-gateway.js';
import { bothWays, play, transcriptTables } from './transcripts.js';

let gateway: OpenGateway;
beforeAll(async () => {
  gateway = await startOpenGateway(['both']);
  await gateway.postgres.query(transcriptTables, 'both');
}, 60_000);
afterAll(() => gateway.stop());

describe('the client’s transcript', () => {
  it.each([
    ['a statement that SQL prepared', [wire.query('prepare q as select 1')], 'q'],
    ['a statement that SQL prepared, by any name', [wire.query('prepare "ü" as select 1')], 'ü'],
    ['a statement', [wire.parse('a', 'select 1'), wire.sync], 'a'],
  ])('of names that are taken by %s equals direct PostgreSQL’s', async (_what, before, name) => {
    const texts =
      name === 'ü' ? ['selec', 'select 2'] : ['selec', 'select bad', 'select 2; select 3', 'select $1', 'select 2'];
    const attempts = texts.flatMap((text) => [
      { messages: [wire.parse(name, text), wire.bind('', name, []), wire.sync], ready: 1 },
      { messages: [wire.query('begin')], ready: 1 },
      { messages: [wire.parse(name, text), wire.sync, wire.parse(name, text), wire.sync], ready: 2 },
      { messages: [wire.query('rollback')], ready: 1 },
    ]);
    const sent = { batches: [{ messages: before, ready: 1 }, ...attempts] };
    expect(await play(gateway.through('both'), sent)).toEqual(await play(gateway.direct('both'), sent));
  });

  it('of portals that are taken equals direct PostgreSQL’s', async () => {
    const open = [wire.parse('s', 'select $1::int'), wire.bind('p', 's', ['1'])];
    const second: readonly (readonly Buffer[])[] = [
      [wire.bind('p', 's', ['1'])],
      [wire.bind('p', 's', ['x'])],
      [wire.bind('p', 's', [])],
      [wire.bind('p', 'none', ['1'])],
      [wire.execute('p', 0), wire.bind('p', 's', ['2']), wire.execute('p', 0)],
      [wire.close('P', 'p'), wire.bind('p', 's', ['2']), wire.execute('p', 0)],
    ];
    const sent = {
      batches: second.flatMap((messages) => [
        { messages: [...open, ...messages, wire.sync, wire.query('deallocate all')], ready: 2 },
        { messages: [wire.query('begin')], ready: 1 },
        { messages: [...open, wire.sync, ...messages, wire.sync, ...messages, wire.sync], ready: 3 },
        { messages: [wire.query('rollback'), wire.query('deallocate all')], ready: 2 },
      ]),
    };
    expect(await play(gateway.through('both'), sent)).toEqual(await play(gateway.direct('both'), sent));
  });

  it('of names that SQL gives, and the wire gives again, equals direct PostgreSQL’s', async () => {
    const step = (sql: string): readonly Buffer[] => [wire.parse('', sql), wire.bind('', '', []), wire.execute('', 0)];
    const declare = step('declare c cursor for select 1');
    const again = [wire.parse('', 'select 2'), wire.bind('c', '', []), wire.execute('c', 0)];
    const prepared = [wire.parse('q', 'select 2'), wire.bind('', 'q', []), wire.execute('', 0)];
    const pipelines: readonly (readonly Buffer[])[] = [
      [...declare, ...again],
      [...declare, wire.sync, ...again],
      [...declare, ...step('close c'), ...again],
      [...again, ...step('select 3'), wire.parse('', 'select $1::int'), wire.bind('c', '', ['x'])],
      [...step('prepare q as select 1'), ...prepared],
      [...step('prepare q as select 1'), wire.sync, ...prepared],
      [...step('prepare q as select 1'), ...step('deallocate q'), ...prepared],
      [...step('prepare other as select 1'), ...prepared],
      [...step('declare c cursor for selec'), ...again],
    ];
    const sent = {
      batches: pipelines.flatMap((messages) => [
        {
          messages: [wire.query('begin'), ...messages, wire.sync, wire.query('rollback'), wire.query('deallocate all')],
          ready: 4 + messages.filter((message) => message === wire.sync).length,
        },
        {
          messages: [...messages, wire.sync, wire.query('deallocate all')],
          ready: 2 + messages.filter((message) => message === wire.sync).length,
        },
        { messages: [wire.query('begin'), wire.query('declare c cursor for select 1'), ...again, wire.sync], ready: 3 },
        { messages: [wire.query('rollback')], ready: 1 },
      ]),
    };
    expect(await play(gateway.through('both'), sent)).toEqual(await play(gateway.direct('both'), sent));
  });

  it('of a Query that is refused where a message before it fails equals direct PostgreSQL’s: both are skipped', async () => {
    const failing = 'select 1 / length(pg_sleep(0.3)::text)';
    const messages = [
      ...[wire.parse('', failing), wire.bind('', ''), wire.execute('')],
      ...[wire.query('selec'), wire.query('insert into s values (1)'), wire.sync],
    ];
    const sent = {
      batches: [
        { messages, ready: null },
        { messages: [wire.query('select x from s')], ready: 1 },
      ],
    };
    expect(await play(gateway.through('both'), sent)).toEqual(await play(gateway.direct('both'), sent));
  });

  const first = 20_260_101;
  const rounds = Number(process.env['TRANSCRIPTS'] ?? '300');
  it(
    `of ${rounds} random pipelines (seeds from ${first}) equals direct PostgreSQL’s`,
    { timeout: 120_000 },
    async () => {
      for (let seed = first; seed < first + rounds; seed++) {
        const { sent, direct, through } = await bothWays(gateway, seed);
        expect(through, sent).toEqual(direct);
      }
    },
  );

  it(
    `of ${rounds / 2} random pipelines with COPY among them (seeds from ${first}) equals direct PostgreSQL’s`,
    { timeout: 120_000 },
    async () => {
      for (let seed = first; seed < first + rounds / 2; seed++) {
        const { sent, direct, through } = await bothWays(gateway, seed, 'mixed');
        expect(through, sent).toEqual(direct);
      }
    },
  );
});
