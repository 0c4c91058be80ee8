import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CborWriter } from '../../../src/recording/cbor.js';
import { decodeRecord, encodeEvent } from '../../../src/recording/event-codec.js';
import type { SessionEvent } from '../../../src/recording/events.js';
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

describe('records of events', () => {
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
