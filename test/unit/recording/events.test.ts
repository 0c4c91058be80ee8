import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CborWriter } from '../../../src/recording/cbor.js';
import { BufferPool, ChainQueue, sha256 } from '../../../src/recording/chain.js';
import { decryptRecord, RecordCipher } from '../../../src/recording/encryption/record-cipher.js';
import { decodeRecord } from '../../../src/recording/event-decoder.js';
import { encodeEvent } from '../../../src/recording/event-encoder.js';
import type { SessionEvent } from '../../../src/recording/events.js';
import { eventsOf, journalHeader, type JournalRecord } from '../../../src/recording/records.js';
import { RecordScanner } from '../../../src/recording/scan.js';
import { opening, statement } from './support.js';

const text = fc.string({ unit: 'grapheme', maxLength: 60 });
const at = fc.nat({ max: 4_000_000_000_000 });
const op = fc.integer({ min: 1, max: 1_000_000 });
const opOrNull = fc.option(op);
const bytes = fc.uint8Array({ maxLength: 200 });

const event: fc.Arbitrary<SessionEvent> = fc.oneof(
  fc.record({
    type: fc.constant('operation' as const),
    ...{ at, op, kind: text, text, parameters: fc.array(fc.option(text)), effects: fc.array(text) },
    fault: fc.option(text),
  }),
  fc.record({
    type: fc.constant('decision' as const),
    ...{ at, op, policies: fc.array(text), message: text, policyVersion: text, request: fc.option(text) },
    verdict: fc.constantFrom('allow' as const, 'deny' as const, 'hold' as const),
  }),
  fc.record({
    type: fc.constant('decision' as const),
    ...{ at, op, policies: fc.array(text), message: text, policyVersion: text, request: fc.option(text) },
    verdict: fc.constantFrom('allow' as const, 'deny' as const, 'hold' as const),
    shadow: fc.record({ verdict: fc.constantFrom('allow' as const, 'deny' as const), policies: fc.array(text) }),
  }),
  fc.record({
    type: fc.constant('approval' as const),
    ...{ at, op, request: text, by: fc.array(fc.record({ name: text, comment: text })) },
    state: fc.constantFrom('approved' as const, 'denied' as const, 'expired' as const, 'executed' as const),
  }),
  fc.record({
    type: fc.constant('columns' as const),
    ...{ at, op },
    columns: fc.array(
      fc.record({
        name: text,
        typeOid: fc.nat({ max: 0xffffffff }),
        format: fc.constantFrom(0 as const, 1 as const),
        masked: fc.boolean(),
      }),
    ),
  }),
  fc.record({ type: fc.constant('rows' as const), at, op, count: fc.nat(), data: bytes }),
  fc.record({
    type: fc.constant('result' as const),
    ...{ at, op, tag: text, rowCount: fc.nat(), byteCount: fc.nat(), truncated: fc.boolean(), digest: text },
  }),
  fc.record({
    type: fc.constant('error' as const),
    ...{ at, op: opOrNull, code: text, message: text },
    decider: fc.constantFrom('gateway' as const, 'target' as const, 'network' as const),
  }),
  fc.record({ type: fc.constant('notice' as const), at, op: opOrNull, code: text, message: text }),
  fc.record({
    type: fc.constant('terminal' as const),
    op,
    ...{ at, data: bytes },
    stream: fc.constantFrom('o' as const, 'i' as const, 'r' as const),
  }),
  fc.record({
    type: fc.constant('file' as const),
    op,
    ...{ at, data: bytes },
    direction: fc.constantFrom('download' as const, 'upload' as const),
  }),
  fc.record({
    type: fc.constant('end' as const),
    ...{ at, detail: text },
    reason: fc.constantFrom('client closed' as const, 'interrupted' as const, 'revoked' as const),
  }),
);

function encoded(item: SessionEvent): Buffer {
  const out = new CborWriter(Buffer.alloc(8));
  encodeEvent(out, item);
  return Buffer.from(out.buffer.subarray(0, out.length));
}

function plain(item: unknown): unknown {
  return JSON.parse(JSON.stringify(item, (_, value: unknown) => (value instanceof Uint8Array ? [...value] : value)));
}

/** Buffer.toJSON comes before the replacer: compare bytes as arrays. */
function comparable(item: SessionEvent): unknown {
  return 'data' in item ? plain({ ...item, data: [...item.data] }) : plain(item);
}

const key = Buffer.alloc(32, 7);

/** What is in a file to which these were written together. */
function written(items: readonly SessionEvent[], encrypted = false): readonly JournalRecord[] {
  const queue = new ChainQueue(new BufferPool(), { count: 0, hash: sha256(journalHeader) });
  const cipher = new RecordCipher(key);
  if (encrypted) queue.sealBodiesWith((out, start, time) => cipher.seal(out, start, time));
  for (const item of items) queue.join(item);
  const scanner = new RecordScanner(journalHeader);
  const records = [...scanner.push(Buffer.concat([journalHeader, queue.pending()]))].map(({ body }) =>
    decodeRecord(body),
  );
  expect(scanner.finish()).toBeNull();
  expect(records).toHaveLength(queue.count);
  return records;
}

describe('records of events', () => {
  it('hold together what is written together, in order, each operation at the head of its own', () => {
    const grouped = event.filter(({ type }) => type !== 'end');
    fc.assert(
      fc.property(fc.array(grouped, { minLength: 1, maxLength: 60 }), fc.boolean(), (items, encrypted) => {
        const records = written(items, encrypted);
        const events = records.map((record) =>
          record.type === 'encrypted' ? decryptRecord(record, key) : eventsOf(record),
        );
        expect(events.flat().map(comparable)).toEqual(items.map(comparable));
        for (const each of events) {
          expect(each.slice(1).some(({ type }) => type === 'operation')).toBe(false);
          expect(each.length).toBeLessThanOrEqual(21);
        }
        const operations = items.slice(1).filter(({ type }) => type === 'operation').length;
        expect(records.length).toBeLessThanOrEqual(1 + operations + Math.floor(items.length / 21));
      }),
    );
    expect(written(statement(1, 'select 1'))).toMatchObject([{ type: 'group', events: statement(1, 'select 1') }]);
    const [alone = opening()] = statement(1, 'select 1');
    expect(written([alone])).toEqual([alone]);
  });

  it('hold nothing but what happens between opening and end', () => {
    const [operation = opening(), ...others] = statement(1, 'select 1').map(encoded);
    const group = (code: number, ...bodies: readonly (Buffer | SessionEvent)[]): Buffer => {
      const out = new CborWriter(Buffer.alloc(8));
      out.array(2 + bodies.length);
      out.integer(code);
      out.integer(1);
      for (const body of bodies) out.bytes(Buffer.isBuffer(body) ? body : encoded(body));
      return Buffer.from(out.buffer.subarray(0, out.length));
    };
    expect(decodeRecord(group(15, operation, ...others))).toMatchObject({ type: 'group' });
    expect(() => decodeRecord(group(21, operation))).toThrow('an operation begins a record');
    expect(() => decodeRecord(group(15, operation, operation))).toThrow('an operation begins a record');
    expect(() => decodeRecord(group(15, ...others))).toThrow('an operation begins a record');
    for (const never of [opening(), { type: 'end', at: 1, reason: 'client closed', detail: '' } as const]) {
      expect(() => decodeRecord(group(21, ...others, never))).toThrow('is in a record of its own');
    }
    expect(decodeRecord(group(21, ...others, group(21, ...others)))).toMatchObject({
      events: { length: others.length },
    });
  });

  it('come back as they were', () => {
    fc.assert(
      fc.property(event, (item) => {
        expect(comparable(decodeRecord(encoded(item)) as SessionEvent)).toEqual(comparable(item));
      }),
      { numRuns: 500 },
    );
    for (const item of [opening({ reason: 'INC-42' }), ...statement(1, 'select 1')]) {
      expect(decodeRecord(encoded(item))).toEqual(item);
    }
  });

  it('keep what a later version appends out of the way', () => {
    const body = encoded({ type: 'end', at: 1, reason: 'client closed', detail: '' });
    const longer = Buffer.concat([Buffer.from([0x85]), body.subarray(1), Buffer.from([0x01])]);
    expect(decodeRecord(longer)).toEqual({ type: 'end', at: 1, reason: 'client closed', detail: '' });
  });

  it('of an unknown kind are named as such', () => {
    expect(decodeRecord(Buffer.from([0x82, 0x17, 0x00]))).toEqual({ type: 'unknown', code: 23 });
  });

  it('that lack a field or have one of another type are rejected', () => {
    expect(() => decodeRecord(Buffer.from([0x82, 12, 0]))).toThrow('field 3');
    expect(() => decodeRecord(Buffer.from([0x84, 12, 0, 0x61, 0x78, 0x60]))).toThrow('unknown word');
    expect(() => decodeRecord(Buffer.from([0x00]))).toThrow('not an array');
  });
});
