import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CborError, CborWriter } from '../../../src/recording/cbor.js';
import { BufferPool, ChainQueue, sha256 } from '../../../src/recording/chain.js';
import { decodeRecord } from '../../../src/recording/event-decoder.js';
import { encodeEvent } from '../../../src/recording/event-encoder.js';
import type { OpenEvent, SessionEvent } from '../../../src/recording/events.js';
import { IndexBatch } from '../../../src/recording/index/batch.js';
import { ByteReader, ByteWriter } from '../../../src/recording/index/byte-writer.js';
import { EventReader } from '../../../src/recording/index/event-reader.js';
import { IndexDatabase } from '../../../src/recording/index/database.js';
import { forgetSession } from '../../../src/recording/index/forget.js';
import { keepIn, operationsOf, writeGroup, type Group } from '../../../src/recording/index/posting-list.js';
import { Postings } from '../../../src/recording/index/postings.js';
import { searchSessions } from '../../../src/recording/index/search.js';
import { SegmentMerge } from '../../../src/recording/index/segment-merge.js';
import { lookUp, SegmentWriter } from '../../../src/recording/index/segments.js';
import { rangeOf } from '../../../src/recording/index/terms.js';
import { unionOf } from '../../../src/recording/index/union.js';
import { isPrefix, wordsOf } from '../../../src/recording/index/words.js';
import { SessionWriter } from '../../../src/recording/index/writer.js';
import { eventsOf as eventsIn, journalHeader } from '../../../src/recording/records.js';
import { RecordScanner } from '../../../src/recording/scan.js';
import { opening, startOfTime, statement, tempDir } from './support.js';

async function openIndex(): Promise<IndexDatabase> {
  const db = IndexDatabase.open(join(await tempDir(), 'index.db'));
  onTestFinished(() => db.close());
  return db;
}

/** Joins segments until nothing is left to join. */
function tidy(db: IndexDatabase): void {
  while (SegmentMerge.isDue(db)) {
    db.transaction(() => {
      const merge = SegmentMerge.start(db);
      while (!merge.step(Infinity));
    });
  }
}

interface Written {
  readonly open: OpenEvent;
  readonly events: readonly SessionEvent[];
}

/** Indexes events as if they had come from a journal, a few at a time. */
function index(db: IndexDatabase, sessions: readonly Written[], eventsAtOnce: number): void {
  const batch = new IndexBatch(db);
  const writers = sessions.map(({ open }) => SessionWriter.create(db, batch, open, 'somewhere.journal'));
  for (const [at, { open }] of sessions.entries()) writers[at]?.apply(open);
  const most = Math.max(...sessions.map(({ events }) => events.length));
  for (let from = 0; from < most; from += eventsAtOnce) {
    for (const [at, { events }] of sessions.entries()) {
      for (const event of events.slice(from, from + eventsAtOnce)) writers[at]?.apply(event);
      writers[at]?.settle({ bytes: from + 1, records: from + 1, hash: Buffer.alloc(32) });
    }
    db.transaction(() => batch.write());
  }
}

function attempt(decode: () => unknown): unknown {
  try {
    return decode();
  } catch (error) {
    return error instanceof CborError ? 'damaged' : error;
  }
}

interface Ran {
  readonly text: string;
  readonly held: boolean;
  readonly error: string | undefined;
}

function eventsOf(op: number, { text, held, error }: Ran): readonly SessionEvent[] {
  const events = statement(op, text, error === undefined ? {} : { error });
  const [operation, decision] = events;
  if (operation === undefined || decision?.type !== 'decision') throw new TypeError();
  // Held first: whatever was said of it then no longer holds once it is allowed.
  const hold: SessionEvent = { ...decision, verdict: 'hold', policies: ['prod-writes'] };
  return held ? [operation, hold] : [operation, hold, decision, ...events.slice(2)];
}

/** A term by the book: a phrase stands in one text, the beginning of a word is enough where nothing is quoted. */
function says(term: string, user: string, { text, held, error }: Ran): boolean {
  const isFailed = !held && error !== undefined;
  const texts = [text, '42', 'select on table demo-db/shop/public/customers', held ? 'prod-writes' : 'readers'];
  const session = [`${user} u1`, 'demo-db', 'psql'];
  const failure = isFailed ? [`42P01 ${error}`] : [];
  if (term === 'user:ann') return user === 'ann';
  if (term === 'verdict:hold') return held;
  if (term === 'error:any') return isFailed;
  if (term === 'policy:readers') return !held;
  if (term === 'error:name') return failure.some((one) => hasPhrase(one, 'name', true));
  const isQuoted = term.startsWith('"');
  return [...texts, ...session, ...failure].some((one) => hasPhrase(one, term.replaceAll('"', ''), !isQuoted));
}

function hasPhrase(text: string, phrase: string, open: boolean): boolean {
  const [all, wanted] = [wordsOf(text), wordsOf(phrase)];
  return all.some((_, from) =>
    wanted.every((word, at) => {
      const found = all[from + at] ?? '';
      return found === word || (open && at === wanted.length - 1 && isPrefix(word) && found.startsWith(word));
    }),
  );
}

describe('the parts of the index', () => {
  it('reads records as the decoder of all does, alone and grouped, also those that are not sound', () => {
    const at = fc.oneof(
      fc.nat(100),
      fc.integer({ min: 2 ** 32, max: 2 ** 33 }),
      fc.integer({ min: 2 ** 33, max: 2 ** 45 }),
    );
    const op = fc.oneof(fc.nat(30), fc.nat(300), fc.nat(1 << 23));
    const text = fc.constantFrom('', 'select $1', 'wärme', 'x'.repeat(300), 'y'.repeat(1100));
    const event: fc.Arbitrary<SessionEvent> = fc.oneof(
      fc.record({
        ...{ type: fc.constant('operation' as const), at, op, kind: fc.constant('execute'), text },
        ...{ parameters: fc.array(fc.option(text)), effects: fc.array(text), fault: fc.constantFrom(null, 'no') },
      }),
      fc.record({ type: fc.constant('rows' as const), at, op, count: fc.nat(9), data: fc.uint8Array() }),
      fc.record({
        ...{ type: fc.constant('decision' as const), at, op, verdict: fc.constantFrom('allow', 'deny', 'hold') },
        ...{
          policies: fc.array(fc.constantFrom('a', 'Ö')),
          message: fc.constantFrom('', 'no'),
          policyVersion: fc.constant('v'),
        },
        request: fc.constantFrom(null, 'req_1'),
      }),
      fc.record({
        ...{
          type: fc.constant('result' as const),
          at,
          op,
          tag: fc.constantFrom('SELECT 1', ''),
          rowCount: fc.nat(300),
        },
        ...{ byteCount: fc.nat(9), truncated: fc.boolean(), digest: fc.constant('') },
      }),
    );
    const reader = new EventReader();
    const read = (body: Buffer): unknown =>
      attempt(() => {
        const events: SessionEvent[] = [];
        const left = reader.read(body, (each) => events.push(each));
        return (left === null ? events : eventsIn(left)).filter(({ type }) => type !== 'rows');
      });
    // Results' rows are left out.
    const decoded = (body: Buffer): unknown =>
      attempt(() => eventsIn(decodeRecord(body)).filter(({ type }) => type !== 'rows' && type !== 'columns'));
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 9 }), fc.boolean(), (events, once) => {
        const queue = new ChainQueue(new BufferPool(), { count: 0, hash: sha256(journalHeader) });
        for (const each of events) queue.join(each);
        const scanner = new RecordScanner(journalHeader);
        const bodies = [...scanner.push(Buffer.concat([journalHeader, queue.pending()]))].map(({ body }) => body);
        // The second time everything is known.
        for (const body of once ? bodies : [...bodies, ...bodies]) expect(read(body)).toEqual(decoded(body));
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(event, fc.option(fc.tuple(fc.nat(200), fc.nat(255)), { nil: null }), (each, damage) => {
        const out = new CborWriter(Buffer.alloc(1));
        encodeEvent(out, each);
        const body = Buffer.from(out.buffer.subarray(0, out.length));
        // Behind the code: what has another one is another record.
        if (damage !== null) body[2 + (damage[0] % (body.length - 2))] = damage[1];
        if (each.type !== 'rows') expect(read(body)).toEqual(decoded(body));
      }),
      { numRuns: 500 },
    );
  });

  it('reads every number that it writes', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeNat()), (numbers) => {
        const out = new ByteWriter(1);
        for (const number of numbers) out.varint(number);
        const reader = new ByteReader(out.take());
        expect(numbers.map(() => reader.varint())).toEqual(numbers);
        expect(reader.isDone).toBe(true);
      }),
    );
  });

  it('joins what ascends and what does not, near and far apart', () => {
    const operations = fc.array(fc.oneof(fc.nat(50), fc.nat(1 << 23)), { maxLength: 40 });
    fc.assert(
      fc.property(fc.array(operations, { maxLength: 5 }), (slices) => {
        const expected = [...new Set(slices.flat())].sort((one, other) => one - other);
        expect(unionOf(slices)).toEqual(expected);
      }),
    );
  });

  it('keeps of some operations those that stand in lists, as if the lists were read', () => {
    const sorted = (from: readonly number[]): readonly number[] => [...new Set(from)].sort((one, other) => one - other);
    const operation = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 2 ** 24 - 1 }));
    const operations = fc.array(operation, { maxLength: 30 }).map(sorted);
    fc.assert(
      fc.property(operations, fc.array(operations, { maxLength: 4 }), (asked, lists) => {
        const groups = lists.map((list): Group => {
          const out = new ByteWriter();
          writeGroup(out, 0, list);
          const reader = new ByteReader(Buffer.from(out.view()));
          reader.varint();
          const length = reader.varint();
          const start = reader.skip(length);
          return { session: 0, bytes: Buffer.from(out.view()), start, end: start + length };
        });
        const all = new Set(operationsOf(groups));
        expect(keepIn(asked, groups)).toEqual(asked.filter((one) => all.has(one)));
      }),
    );
  });

  it('finds again where a term stood, however the lists were cut, joined and thinned', async () => {
    const db = await openIndex();
    const said = fc.record({
      session: fc.integer({ min: 1, max: 6 }),
      operation: fc.integer({ min: 1, max: 300 }),
      text: fc.constantFrom('alpha beta', 'beta 12345', 'gamma 7', 'alpha 12345 Öl', '12345'),
    });
    fc.assert(
      fc.property(
        fc.array(fc.array(said, { minLength: 1, maxLength: 30 }), { maxLength: 20 }),
        fc.nat(7),
        (batches, gone) => {
          db.clear();
          const postings = new Postings();
          for (const batch of batches) {
            for (const { text, session, operation } of batch) postings.addText('any', text, session, operation);
            db.transaction(() => {
              const segment = new SegmentWriter(db);
              postings.drain((term, list) => segment.add(term, list));
              segment.finish(0);
            });
          }
          db.run('insert into forgotten (seq) values (?)', BigInt(gone));
          tidy(db);
          for (const word of ['alpha', 'beta', '12345', '7', 'ol', 'none']) {
            const expected = new Map<number, Set<number>>();
            for (const { text, session, operation } of batches.flat()) {
              if (session === gone || !wordsOf(text).includes(word)) continue;
              expected.set(session, (expected.get(session) ?? new Set()).add(operation));
            }
            const found = lookUp(db, rangeOf(`a${word}`));
            expect(new Map([...found].map(([session, groups]) => [session, new Set(operationsOf(groups))]))).toEqual(expected); // prettier-ignore
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('finds exactly what looking at every operation finds', async () => {
    const db = await openIndex();
    const word = fc.constantFrom('select', 'orders', 'name', 'from', 'status', 'shipped', '42', '1234567', 'order_items', 'Zoë'); // prettier-ignore
    const text = fc.array(word, { minLength: 1, maxLength: 6 }).map((words) => words.join(' '));
    const ran = fc.record({ text, held: fc.boolean(), error: fc.option(text, { nil: undefined }) });
    const session = fc.record({ user: fc.constantFrom('ann', 'status'), ran: fc.array(ran, { maxLength: 70 }) });
    const term = fc.oneof(text.map((words) => `"${words}"`), word, fc.constantFrom('user:ann', 'verdict:hold', 'error:any', 'policy:readers', 'ord', 'error:name')); // prettier-ignore
    const query = fc.array(term, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(
        fc.array(session, { maxLength: 4 }),
        fc.array(query, { maxLength: 6 }),
        fc.nat(40),
        (sessions, queries, cut) => {
          db.clear();
          const written = sessions.map(({ user, ran: statements }): Written => {
            const open = opening({ identity: { subject: 'u1', name: user, kind: 'human', issuer: 'i', groups: [] } });
            return { open, events: statements.flatMap((each, at) => eventsOf(at + 1, each)) };
          });
          index(db, written, cut + 1);
          tidy(db);
          for (const terms of queries) {
            const expected = new Map<string, number[]>();
            for (const [at, { user, ran: statements }] of sessions.entries()) {
              const matches = statements.flatMap((each, op) =>
                terms.every((one) => says(one, user, each)) ? [op + 1] : [],
              );
              if (matches.length > 0) expected.set(written[at]?.open.session ?? '', matches.slice(0, 5));
            }
            const page = searchSessions(db, terms.join(' '), {}, startOfTime);
            expect(new Map(page.sessions.map(({ id, matches }) => [id, matches.map(({ op }) => op)])), terms.join(' ')).toEqual(expected); // prettier-ignore
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('forgets the words of a deleted session, too', async () => {
    const db = await openIndex();
    const kept = { open: opening(), events: statement(1, 'select kept') };
    const deleted = { open: opening(), events: statement(1, 'select unmentionable') };
    index(db, [kept, deleted], 100);
    db.transaction(() => forgetSession(db, deleted.open.session));
    expect(searchSessions(db, 'select', {}, startOfTime).sessions.map(({ id }) => id)).toEqual([kept.open.session]);
    tidy(db);
    const parts = db.rows<[Buffer]>('select body from segment_parts');
    expect(parts.some(([body]) => body.includes('kept'))).toBe(true);
    expect(parts.some(([body]) => body.includes('unmentionable'))).toBe(false);
    expect(db.rows('select 1 from blocks')).toHaveLength(1);
  });

  it('limits a search to a time within a session', async () => {
    const db = await openIndex();
    const events = Array.from({ length: 100 }, (_, at) => statement(at + 1, 'select name')).flat();
    index(db, [{ open: opening(), events }], 1000);
    const moment = (seconds: number): string => new Date(startOfTime + seconds * 1000).toISOString();
    const page = searchSessions(db, `name since:${moment(40)} until:${moment(70)}`, {}, startOfTime);
    expect(page.sessions[0]?.matches[0]?.op).toBe(40);
    expect(page).toMatchObject({ match_count: 31, match_count_capped: false });
  });
});
