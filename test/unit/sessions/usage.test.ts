import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageFile } from '../../../src/gateway/usage-file.js';
import { HourlyUsage, UsageBook } from '../../../src/sessions/usage.js';

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

  it('survives a restart, minute by minute, and a file that is damaged only costs the counts', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'sluice-usage-'));
    const problems: string[] = [];
    let now = start;
    const open = (book: UsageBook) =>
      UsageFile.open({
        path: join(dir, 'usage.json'),
        book,
        live: () => new Set(),
        clock: () => now,
        onProblem: (message) => problems.push(message),
      });
    try {
      const before = new UsageBook();
      const file = await open(before);
      before.of('ann').add('rowsRead', 5, now);
      now += 30 * minute;
      before.of('ann').add('rowsRead', 6, now);
      await file.close();
      const after = new UsageBook();
      await (await open(after)).close();
      expect(after.of('ann').facts(now).rowsRead).toBe(11);
      now += 40 * minute;
      expect(after.of('ann').facts(now).rowsRead).toBe(6);
      expect(problems).toEqual([]);
      await writeFile(join(dir, 'usage.json'), (await readFile(join(dir, 'usage.json'), 'utf8')).slice(0, 10));
      await (await open(new UsageBook())).close();
      expect(problems).toEqual([expect.stringContaining('cannot be read')]);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });

  it('is forgotten after an hour, unless a session is open', () => {
    const book = new UsageBook();
    const [ann, bob] = [book.of('ann'), book.of('bob')];
    ann.add('rowsRead', 1, start);
    bob.add('rowsRead', 1, start);
    book.forget(new Set(['bob']), start + 61 * minute);
    expect(book.of('bob')).toBe(bob);
    expect(book.of('ann')).not.toBe(ann);
  });
});
