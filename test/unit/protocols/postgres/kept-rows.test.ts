import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { frame, int16, int32 } from '../../../../src/protocols/postgres/frames.js';
import { KeptRows } from '../../../../src/protocols/postgres/kept-rows.js';

const payloadOf = (text: string): Buffer => Buffer.concat([int16(1), int32(text.length), Buffer.from(text)]);
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('KeptRows', () => {
  it('keeps the first 64 KiB of a result to the row, however its rows arrive, and the digest of the rest', () => {
    const row = frame('D', payloadOf('x'.repeat(1000)));
    const fitting = Math.floor((64 * 1024) / row.length);
    const rows = Array.from({ length: 200 }, () => row);
    for (const size of [1, 7, 64, 200]) {
      const kept = new KeptRows();
      let count = 0;
      for (let at = 0; at < rows.length; at += size) {
        const chunk = rows.slice(at, at + size);
        kept.add(Buffer.concat(chunk), chunk.length);
        count += kept.take()?.count ?? 0;
      }
      expect(count).toBe(fitting);
      expect(kept).toMatchObject({ rows: 200, bytes: 200 * row.length, truncated: true });
      expect(kept.digest()).toBe(sha256(Buffer.concat(rows.slice(fitting))));
    }
  });

  it('gives rows in the form of the journal: length and payload', () => {
    const kept = new KeptRows();
    kept.add(frame('D', payloadOf('a')), 1);
    kept.add(frame('D', payloadOf('bc')), 1);
    const data = Buffer.concat([int32(7), payloadOf('a'), int32(8), payloadOf('bc')]);
    expect(kept.take()).toEqual({ count: 2, data });
    expect(kept.take()).toBeNull();
    expect(kept.truncated).toBe(false);
    expect(kept.digest()).toBe('');
  });

  it('keeps nothing of what is no row', () => {
    const kept = new KeptRows();
    kept.addUnkept(Buffer.from('1,2\n'));
    expect(kept.take()).toBeNull();
    expect(kept).toMatchObject({ rows: 0, bytes: 4, truncated: true });
    expect(kept.digest()).toBe(sha256(Buffer.from('1,2\n')));
  });
});
