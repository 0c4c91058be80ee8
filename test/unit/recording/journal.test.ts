import { writeSync } from 'node:fs';
import { copyFile, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isSluiceError } from '../../../src/lib/errors.js';
import { Journal, type JournalServices } from '../../../src/recording/journal.js';
import type { WriteSome } from '../../../src/recording/synced-file.js';
import { verifyJournal } from '../../../src/recording/verify.js';
import { journalServices, newKeys, opening, startOfTime, statement, tempDir } from './support.js';

const end = { type: 'end', at: startOfTime + 1, reason: 'recorder failed', detail: '' } as const;

/** A file that can grow to `room` bytes; beyond them writing fails with `code`. */
class Disk {
  room: number;
  readonly #code: string;
  constructor(room: number, code: string) {
    this.room = room;
    this.#code = code;
  }
  readonly writeSome: WriteSome = (file, bytes, offset, length, position) => {
    const fits = Math.min(length, this.room - position, 100); // never more than a part
    if (fits <= 0) throw Object.assign(new Error(`${this.#code}: write`), { code: this.#code });
    return writeSync(file, bytes, offset, fits, position);
  };
}

async function journalOn(disk: Disk, change: Partial<JournalServices> = {}) {
  const dir = await tempDir();
  const keys = newKeys();
  const services = journalServices(dir, keys, { writeSome: disk.writeSome, ...change });
  const open = opening();
  const path = join(dir, `${open.session}.journal`);
  const journal = await Journal.create(open, { ...services, path });
  return { journal, services, path, verify: async () => verifyJournal(await readFile(path), keys.trusted) };
}

describe('a journal', () => {
  it('goes on after writes that wrote only a part', async () => {
    const { journal, verify } = await journalOn(new Disk(1_000_000, 'ENOSPC'));
    for (let op = 1; op <= 20; op++) {
      for (const event of statement(op, 'select 1')) journal.append(event);
      journal.flush();
    }
    await journal.end({ ...end, reason: 'client closed' });
    expect(await verify()).toMatchObject({ valid: true, closed: true });
  });

  it('is broken for ever once a write fails, and is ended and signed when there is room for that', async () => {
    const disk = new Disk(2000, 'ENOSPC');
    const { journal, services, verify } = await journalOn(disk);
    let committed = 0;
    const fill = (): void => {
      for (let op = 1; ; op++) {
        for (const event of statement(op, 'select 1')) journal.append(event);
        journal.flush();
        committed = op;
      }
    };
    expect(fill).toThrow(/disk for recordings is full/);
    expect(services.reserve.isFull).toBe(true);
    disk.room = 4000;
    expect(() => journal.flush()).toThrow(/disk for recordings is full/);
    const before = journal.written.count;
    await journal.end(end);
    const verdict = await verify();
    expect(verdict).toMatchObject({ valid: true, closed: true });
    // Binding, opening, signature, a record for each committed statement; then what could not be written, end, signature.
    expect(before).toBe(3 + committed);
    expect(verdict.records).toBe(before + 1 + 2);
  });

  it('gives up what was never confirmed when there is only room for the end', async () => {
    const disk = new Disk(2000, 'ENOSPC');
    const { journal, verify } = await journalOn(disk);
    for (const event of statement(1, 'x'.repeat(10_000))) journal.append(event);
    expect(() => journal.flush()).toThrow();
    disk.room = 2600;
    await journal.end(end);
    expect(await verify()).toMatchObject({ valid: true, closed: true, records: 5 });
  });

  it('says so when not even the end can be written', async () => {
    const { journal, verify } = await journalOn(new Disk(600, 'EIO'));
    for (const event of statement(1, 'select 1')) journal.append(event);
    expect(() => journal.flush()).toThrow(/EIO/);
    await expect(journal.end(end)).rejects.toThrow(/EIO/);
    expect(await verify()).toMatchObject({ valid: false, closed: false });
  });

  it('breaks on an event that cannot be recorded, rather than leave it out', async () => {
    const { journal, verify } = await journalOn(new Disk(100_000, 'ENOSPC'));
    journal.append({ type: 'rows', at: startOfTime, op: 1, count: Number.NaN, data: new Uint8Array() });
    expect(() => journal.flush()).toThrow(/not an integer/);
    await journal.end(end);
    expect(await verify()).toMatchObject({ valid: true, closed: true });
  });

  it.each<[string, (path: string) => Promise<void>]>([
    ['was removed', (path) => rm(path)],
    ['was moved away', (path) => rename(path, `${path}.away`)],
    [
      'has another in its place',
      async (path) => {
        await rename(path, `${path}.away`);
        await copyFile(`${path}.away`, path);
      },
    ],
  ])('breaks when its file %s, and nothing counts as recorded any more', async (_, act) => {
    let now = startOfTime;
    const { journal, path } = await journalOn(new Disk(100_000, 'ENOSPC'), { clock: () => now });
    const record = (op: number): void => {
      now += 1000;
      for (const event of statement(op, 'select 1')) journal.append(event);
      journal.flush();
    };
    record(1);
    await act(path);
    expect(() => record(2)).toThrow(/its file is gone/);
    expect(() => record(3)).toThrow(/its file is gone/);
    await journal.abandon();
  });

  it('writes ahead rather than queue without end', async () => {
    const { journal } = await journalOn(new Disk(100_000_000, 'ENOSPC'));
    const before = journal.bytes;
    for (let op = 1; op < 100; op++) for (const event of statement(op, 'x'.repeat(10_000))) journal.append(event);
    expect(journal.bytes).toBeGreaterThan(before + 500_000);
  });

  it('throws recorder_failed, which the engine looks for', async () => {
    const { journal } = await journalOn(new Disk(600, 'EIO'));
    journal.append(statement(1, 'x'.repeat(1000))[0] ?? opening());
    expect(() => journal.flush()).toThrow(expect.toSatisfy((error) => isSluiceError(error, 'recorder_failed')));
  });
});
