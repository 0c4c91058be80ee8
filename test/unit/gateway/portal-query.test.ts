import type { Connection } from 'pg';
import { describe, expect, it } from 'vitest';
import { PortalQuery } from '../../../src/gateway/exec/portal-query.js';

/** A server with so many rows of such a size, which gives a portal as many as each Execute asks for. */
function answering(query: PortalQuery, { rows, bytes }: { readonly rows: number; readonly bytes: number }): number[] {
  const asked: number[] = [];
  let left = rows;
  let isOpen = false;
  const connection = {
    parse: () => undefined,
    bind: () => undefined,
    describe: () => undefined,
    flush: () => undefined,
    stream: { pause: () => undefined, resume: () => undefined, destroyed: false },
    execute({ rows: wanted }: { readonly rows: string }) {
      asked.push(Number(wanted));
      const given = Math.min(left, Number(wanted));
      isOpen = given === Number(wanted);
      left -= given;
      queueMicrotask(() => {
        for (let row = 0; row < given; row++) query.handleDataRow({ fields: ['x'.repeat(bytes)] });
        if (isOpen) query.handlePortalSuspended();
        else query.handleCommandComplete({ text: `SELECT ${given}` });
      });
    },
    sync: () => queueMicrotask(() => query.handleReadyForQuery()),
  };
  query.submit(connection as unknown as Connection);
  return asked;
}

async function read(bounds: { readonly maxRows: number; readonly maxBytes: number }, bytes: number, rows = 1_000_000) {
  const query = new PortalQuery('select …', [], bounds);
  const asked = answering(query, { rows, bytes });
  const page = await query.page(bounds);
  if (page.more) await query.finish();
  return { asked, given: page.rows.length, more: page.more };
}

describe('rows of a result', () => {
  it('are asked for at once where their number is the bound', async () => {
    expect(await read({ maxRows: 100, maxBytes: 65_536 }, 8)).toEqual({ asked: [101], given: 100, more: true });
    const all = { maxRows: 100_000, maxBytes: 2 ** 40 };
    expect(await read(all, 8)).toEqual({ asked: [100_001], given: 100_000, more: true });
    expect(await read(all, 8, 7)).toEqual({ asked: [100_001], given: 7, more: false });
  });

  it('are not asked for beyond what a bound of bytes lets through', async () => {
    const bounds = { maxRows: 100_000, maxBytes: 65_536 };
    const large = await read(bounds, 1_000);
    expect([large.given, large.more]).toEqual([65, true]);
    expect(large.asked.reduce((sum, rows) => sum + rows, 0)).toBeLessThan(1_500);
    const small = await read(bounds, 8);
    expect([small.given, small.more]).toEqual([8_192, true]);
    expect(small.asked.reduce((sum, rows) => sum + rows, 0)).toBeLessThan(11_000);
    expect(small.asked.length).toBeLessThan(4);
  });
});
