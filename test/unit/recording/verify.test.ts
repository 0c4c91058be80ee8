import { createPublicKey, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { ChainQueue, BufferPool, sha256 } from '../../../src/recording/chain.js';
import type { CborWriter } from '../../../src/recording/cbor.js';
import { encodeBinding, encodeEvent } from '../../../src/recording/event-encoder.js';
import { journalHeader, recordCodes } from '../../../src/recording/records.js';
import { RecordScanner } from '../../../src/recording/scan.js';
import { appendCheckpoint } from '../../../src/recording/signing.js';
import { verifyJournal } from '../../../src/recording/verify.js';
import { newKeys, opening, startOfTime, statement, tempDir, writeJournal, type Keys } from './support.js';

let keys: Keys;
let bytes: Buffer;
let starts: number[];

beforeAll(async () => {
  keys = newKeys();
});

async function sample(): Promise<void> {
  bytes = await readFile(await writeJournal(await tempDir(), keys));
  const scanner = new RecordScanner(journalHeader);
  starts = [...scanner.push(bytes)].map(({ offset }) => offset);
}

const check = (file: Uint8Array, allowOpen = false) => verifyJournal(file, keys.trusted, { allowOpen });

/** The record a byte lies in, counting from 1; 0 for the header. */
function recordAt(byte: number): number {
  return starts.filter((start) => start <= byte).length;
}

describe('verifyJournal', () => {
  it('accepts a closed journal, whole and in pieces of any size', async () => {
    await sample();
    const verdict = await check(bytes);
    expect(verdict).toMatchObject({ valid: true, closed: true, problem: null, records: starts.length });
    expect(verdict.signed).toBe(starts.length);
    for (const size of [1, 7, 64]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      const stream = (async function* () {
        yield* pieces;
      })();
      expect(await verifyJournal(stream, keys.trusted)).toEqual(verdict);
    }
  });

  it('detects every changed byte and names the record it is in', async () => {
    await sample();
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const verdict = await check(changed);
      expect(verdict.valid, `byte ${at}`).toBe(false);
      expect(verdict.problem?.record, `byte ${at}`).toBe(recordAt(at));
      expect(verdict.problem?.byte).toBe(verdict.problem?.record === 0 ? 0 : starts[recordAt(at) - 1]);
      expect(verdict.records).toBe(Math.max(0, recordAt(at) - 1));
    }
  });

  it('detects a cut at every byte', async () => {
    await sample();
    for (let length = 0; length < bytes.length; length++) {
      const verdict = await check(bytes.subarray(0, length));
      expect(verdict.valid, `cut at ${length}`).toBe(false);
      expect(verdict.closed).toBe(false);
    }
  });

  it('detects any edit: bytes replaced, inserted, removed', async () => {
    await sample();
    const edit = fc.record({
      at: fc.nat({ max: bytes.length }),
      remove: fc.nat({ max: 200 }),
      insert: fc.uint8Array({ maxLength: 200 }),
    });
    await fc.assert(
      fc.asyncProperty(edit, async ({ at, remove, insert }) => {
        const edited = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
        fc.pre(!edited.equals(bytes));
        expect((await check(edited)).valid).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  it('detects records that change places, are repeated or left out', async () => {
    await sample();
    const records = starts.map((start, index) => bytes.subarray(start, starts[index + 1] ?? bytes.length));
    const header = bytes.subarray(0, starts[0]);
    for (let index = 0; index + 1 < records.length; index++) {
      const [one, two] = [records[index] ?? header, records[index + 1] ?? header];
      const [before, after] = [records.slice(0, index), records.slice(index + 2)];
      for (const middle of [[two, one], [one, one, two], [two], [one]]) {
        if (after.length === 0 && middle.length === 1 && middle[0] === one) continue; // that is a cut, tested above
        const verdict = await check(Buffer.concat([header, ...before, ...middle, ...after]));
        expect(verdict.valid).toBe(false);
      }
    }
  });

  it('takes an unfinished journal as valid so far only when asked to, and never a damaged one', async () => {
    await sample();
    const unfinished = bytes.subarray(0, starts.at(-2)); // without end and its signature
    expect(await check(unfinished)).toMatchObject({
      valid: false,
      problem: { message: expect.stringMatching(/^not closed/) },
    });
    expect(await check(unfinished, true)).toMatchObject({ valid: true, closed: false, problem: null });
    expect(await check(unfinished.subarray(0, -5), true)).toMatchObject({ valid: true, closed: false });
    const changed = Buffer.from(unfinished);
    changed[changed.length - 40] = (changed[changed.length - 40] ?? 0) ^ 1;
    expect((await check(changed, true)).valid).toBe(false);
  });

  it('does not take a journal of which nothing is signed, even as unfinished', async () => {
    await sample();
    expect(await check(bytes.subarray(0, starts[2]), true)).toMatchObject({ valid: false });
    expect(await check(bytes.subarray(0, starts[3]), true)).toMatchObject({ valid: true });
  });

  it('does not trust a journal that someone else signed, whatever key it names', async () => {
    const dir = await tempDir();
    const stranger = newKeys();
    const forged = await readFile(await writeJournal(dir, stranger));
    expect(await check(forged)).toMatchObject({ valid: false, problem: { record: 3 } });
    const [id = ''] = keys.trusted.keys();
    const impostor: Keys = { signing: { id, privateKey: stranger.signing.privateKey }, trusted: stranger.trusted };
    const named = await readFile(await writeJournal(dir, impostor));
    expect(await check(named)).toMatchObject({
      ...{ valid: false, key: id },
      problem: { record: 3, message: 'the signature does not verify' },
    });
  });

  it('finds the first signature that a rewritten chain cannot satisfy', async () => {
    await sample();
    const records = [...new RecordScanner(journalHeader).push(bytes)];
    let previous: Buffer = sha256(journalHeader);
    const rewritten: Buffer[] = [journalHeader];
    for (const { index, body } of records) {
      const changed = Buffer.from(body);
      // The first statement's text is changed, and every hash after it made to fit.
      if (index === 4) changed.write('SELECT', changed.indexOf('select'));
      const length = Buffer.alloc(4);
      length.writeUInt32BE(changed.length);
      previous = sha256(Buffer.concat([previous, length, changed]));
      rewritten.push(length, changed, previous);
    }
    const verdict = await check(Buffer.concat(rewritten));
    expect(verdict).toMatchObject({ valid: false, signed: 3, problem: { record: 5 } });
    expect(verdict.problem?.message).toBe('the signature is over another chain');
  });

  it('knows nothing that follows a signed end', async () => {
    await sample();
    const scanner = new RecordScanner(journalHeader);
    const records = [...scanner.push(bytes)];
    const head = records.at(-1)?.hash ?? Buffer.alloc(0);
    const queue = new ChainQueue(new BufferPool(), { count: records.length, hash: head });
    queue.append(encodeEvent, statement(3, 'select 3')[0] ?? opening());
    appendCheckpoint(queue, keys.signing, startOfTime);
    const verdict = await check(Buffer.concat([bytes, queue.pending()]));
    expect(verdict).toMatchObject({ valid: false, problem: { message: 'there is a record after the signed end' } });
  });

  it('rejects an opening of another session than the one that is bound', async () => {
    const queue = new ChainQueue(new BufferPool(), { count: 0, hash: sha256(journalHeader) });
    const { session } = opening();
    const binding = { at: startOfTime, version: 1, session, gateway: 'g', key: keys.signing.id };
    queue.append(encodeBinding, binding);
    queue.append(encodeEvent, opening());
    appendCheckpoint(queue, keys.signing, startOfTime);
    const verdict = await check(Buffer.concat([journalHeader, queue.pending()]), true);
    expect(verdict.problem).toMatchObject({ record: 2, message: 'it is the opening of another session' });
  });

  it('names a record that is in its place and says nothing that can be read, alone or inside another', async () => {
    for (const nonsense of [
      (out: CborWriter) => {
        out.array(2);
        out.integer(recordCodes.result);
        out.text('no time');
      },
      (out: CborWriter) => {
        out.array(4);
        out.integer(recordCodes.eventGroup);
        out.integer(startOfTime);
        out.embed(encodeEvent, statement(1, 'select 1').at(-1) ?? opening());
        out.bytes(Buffer.alloc(40, 0xff));
      },
    ]) {
      const queue = new ChainQueue(new BufferPool(), { count: 0, hash: sha256(journalHeader) });
      const open = opening();
      queue.append(encodeBinding, {
        at: startOfTime,
        version: 1,
        session: open.session,
        gateway: 'g',
        key: keys.signing.id,
      });
      queue.append(encodeEvent, open);
      queue.append(nonsense, undefined);
      queue.append(encodeEvent, { type: 'end', at: startOfTime, reason: 'client closed', detail: '' });
      appendCheckpoint(queue, keys.signing, startOfTime);
      const verdict = await check(Buffer.concat([journalHeader, queue.pending()]));
      expect(verdict).toMatchObject({ valid: false, problem: { record: 3 } });
      expect(verdict.problem?.message).toMatch(/^cannot be decoded: /);
    }
  });

  it('never throws, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), fc.boolean(), async (noise, withHeader) => {
        const file = withHeader ? Buffer.concat([journalHeader, noise]) : noise;
        expect((await check(file, true)).valid).toBe(false);
      }),
    );
  });

  it('signs with plain Ed25519 over the documented bytes', async () => {
    await sample();
    const publicKey = createPublicKey(keys.signing.privateKey);
    expect(sign(null, Buffer.from('x'), keys.signing.privateKey)).toHaveLength(64);
    expect(publicKey.asymmetricKeyType).toBe('ed25519');
  });
});
