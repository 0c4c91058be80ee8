import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageKeeper } from '../../../src/gateway/usage-keeper.js';
import { HourlyUsage, UsageBook } from '../../../src/sessions/usage.js';
import { openStore, type Store } from '../../../src/store/open.js';

const minute = 60_000;
const start = 29_000_000 * minute;

describe('what an identity did in the last hour', () => {
  it('is what was added in the sixty minutes that end now, whenever one looks', () => {
    const step = fc.record({ wait: fc.integer({ min: 0, max: 40 * minute }), rows: fc.nat({ max: 1000 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const usage = new HourlyUsage();
        const added: { at: number; rows: number }[] = [];
        let now = start;
        for (const { wait, rows } of steps) {
          now += wait;
          usage.add('rowsRead', rows, now);
          added.push({ at: Math.floor(now / minute), rows });
          const since = Math.floor(now / minute) - 60;
          const expected = added.filter(({ at }) => at > since).reduce((sum, one) => sum + one.rows, 0);
          expect(usage.facts(now).rowsRead).toBe(expected);
        }
      }),
    );
  });

  it('does not vanish when the clock is set back', () => {
    const usage = new HourlyUsage();
    usage.add('rowsRead', 5, start);
    usage.add('rowsRead', 5, start - 30 * minute);
    expect(usage.facts(start - 30 * minute).rowsRead).toBe(10);
  });

  it('is one count for all sessions of the identity, and another for each identity', () => {
    const book = new UsageBook();
    book.of('ann').add('bytesRead', 7, start);
    book.of('ann').add('bytesRead', 8, start);
    book.of('bob').add('statements', 1, start);
    expect(book.of('ann').facts(start)).toEqual({ rowsRead: 0, bytesRead: 15, statements: 0, seconds: 0 });
    expect(book.of('bob').facts(start).statements).toBe(1);
  });

  it('survives a restart, minute by minute, and is nothing to another gateway on the same store', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'sluice-usage-'));
    const problems: string[] = [];
    let now = start;
    const run = (gateway: string, work: (book: UsageBook, keeper: UsageKeeper, store: Store) => void): void => {
      const store = openStore(join(dir, 'state.db'));
      const book = new UsageBook();
      const onProblem = (message: string): void => void problems.push(message);
      const parts = { store: store.usage, gateway, book, clock: () => now, onProblem };
      const keeper = new UsageKeeper(parts);
      work(book, keeper, store);
      keeper.close();
      store.close();
    };
    const rows = (book: UsageBook) => book.of('ann').facts(now).rowsRead;
    try {
      run('one', (book, keeper) => {
        book.of('ann').add('rowsRead', 5, now);
        keeper.save();
        book.of('ann').add('rowsRead', 1, now);
        now += 30 * minute;
        book.of('ann').add('rowsRead', 6, now);
      });
      run('two', (book) => expect(rows(book)).toBe(0));
      run('one', (book) => expect(rows(book)).toBe(12));
      // What was read back is not counted again, and what cannot be written is written with the next.
      run('one', (book, keeper, store) => {
        const { save } = store.usage;
        book.of('ann').add('rowsRead', 1, now);
        Object.assign(store.usage, {
          save: () => {
            throw new Error('the disk is full');
          },
        });
        keeper.save();
        expect(problems).toEqual(['what identities did in the last hour cannot be written']);
        Object.assign(store.usage, { save });
        keeper.save();
        expect(store.usage.load('one', 0).map(({ counts }) => counts[0])).toEqual([6, 7]);
      });
      now += 40 * minute;
      run('one', (book, keeper, store) => {
        expect(rows(book)).toBe(7);
        book.of('bob').add('rowsRead', 1, now);
        keeper.save();
        expect(store.usage.load('one', 0)).toHaveLength(2); // the first minute is gone
      });
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });

  it('holds the time of every open session, whether or not anything happens in it', () => {
    const usage = new HourlyUsage();
    const seconds = (minutes: number): number => usage.facts(start + minutes * minute).seconds;
    usage.opened(start);
    usage.opened(start + 10 * minute);
    expect(seconds(10.5)).toBe(660);
    expect(seconds(30)).toBe(50 * 60);
    // The minute that has begun and the 59 before it.
    expect(seconds(600)).toBe(2 * 59 * 60);
    usage.closed(start + 601 * minute);
    usage.closed(start + 602 * minute);
    expect(seconds(631)).toBe((29 + 30) * 60);
    expect(seconds(700)).toBe(0);
    expect(usage.isEmpty).toBe(true);
  });

  it('is forgotten after an hour, unless a session is open', () => {
    const book = new UsageBook();
    const [ann, bob] = [book.of('ann'), book.of('bob')];
    ann.add('rowsRead', 1, start);
    bob.add('rowsRead', 1, start);
    bob.opened(start);
    book.forget(start + 61 * minute);
    expect(book.of('bob')).toBe(bob);
    expect(book.of('ann')).not.toBe(ann);
  });
});
