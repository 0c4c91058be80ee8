import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cString,
  decodeUtf8,
  FieldReader,
  frame,
  FrameReader,
  int16,
  int32,
  Spans,
} from '../../../../src/protocols/postgres/frames.js';

const limit = (): number => 1_000;
const message = fc.record({ type: fc.constantFrom('Q', 'D', 'd', 'Z'), payload: fc.uint8Array({ maxLength: 300 }) });

function readAll(chunks: readonly Buffer[]): readonly Buffer[] {
  const reader = new FrameReader(limit);
  const found: Buffer[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let next = reader.next(); next !== null; next = reader.next()) found.push(Buffer.from(next.whole));
  }
  return found;
}

function cut(bytes: Buffer, at: readonly number[]): readonly Buffer[] {
  const places = [0, ...at.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return places.slice(1).map((place, index) => bytes.subarray(places[index], place));
}

describe('FrameReader', () => {
  it('finds the same frames however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 20 }), (messages, at) => {
        const frames = messages.map(({ type, payload }) => frame(type, Buffer.from(payload)));
        expect(Buffer.concat([...readAll(cut(Buffer.concat(frames), at))])).toEqual(Buffer.concat(frames));
        expect(readAll(cut(Buffer.concat(frames), at)).length).toBe(frames.length);
      }),
    );
  });

  it('finds the same frames in memory that others read into meanwhile, and that is used again', () => {
    const large = fc.record({
      type: fc.constantFrom('Q', 'D', 'd', 'Z'),
      size: fc.oneof(fc.nat(300), fc.nat(9_000), fc.nat(120_000)),
      fill: fc.nat(255),
    });
    const shared = Buffer.alloc(64 * 1024);
    fc.assert(
      fc.property(fc.array(large, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 20 }), (messages, at) => {
        const bytes = Buffer.concat(messages.map(({ type, size, fill }) => frame(type, Buffer.alloc(size, fill))));
        const reader = new FrameReader(() => 200_000);
        const found: Buffer[] = [];
        for (const part of cut(bytes, at)) {
          for (let from = 0; from < part.length; from += shared.length) {
            const read = part.copy(shared, 0, from);
            reader.pushBorrowed(shared.subarray(0, read));
            shared.fill(0xee);
            for (let next = reader.next(); next !== null; next = reader.next()) found.push(Buffer.from(next.whole));
            const slab = reader.detach();
            slab?.bytes.fill(0xdd);
            slab?.giveBack();
          }
        }
        expect(Buffer.concat(found).equals(bytes)).toBe(true);
        expect(found.length).toBe(messages.length);
      }),
    );
  });

  it('passes runs of rows on in the same order and number, however they are cut', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 20 }), (messages, at) => {
        const bytes = Buffer.concat(messages.map(({ type, payload }) => frame(type, Buffer.from(payload))));
        const reader = new FrameReader(limit);
        const spans = new Spans();
        let count = 0;
        for (const chunk of cut(bytes, at)) {
          reader.push(chunk);
          for (;;) {
            const run = reader.takeRun(0x44);
            if (run !== null) spans.add(run.bytes, run.start, run.end);
            count += run?.count ?? 0;
            const next = reader.next();
            if (next === null) break;
            count++;
            next.passTo(spans);
          }
        }
        expect(Buffer.concat([...spans.take()])).toEqual(bytes);
        expect(spans.isEmpty).toBe(true);
        expect(count).toBe(messages.length);
      }),
    );
  });

  it.each([0, 1, 2, 3, -1, -0x80000000])('refuses the length %i as soon as it is there', (length) => {
    const reader = new FrameReader(limit);
    reader.push(Buffer.concat([Buffer.from('Q'), int32(length)]));
    expect(() => reader.next()).toThrow(expect.objectContaining({ code: 'protocol' }));
  });

  it.each([1_005, 0x7fffffff])('refuses a message of %i bytes unread', (length) => {
    const reader = new FrameReader(limit);
    reader.push(Buffer.concat([Buffer.from('Q'), int32(length)]));
    expect(() => reader.next()).toThrow(expect.objectContaining({ code: 'too_large' }));
    expect(new FrameReader(limit).next()).toBeNull();
  });

  it('takes what is exactly as large as it may be', () => {
    expect(readAll([frame('Q', Buffer.alloc(1_000))])).toHaveLength(1);
    expect(() => readAll([frame('Q', Buffer.alloc(1_001))])).toThrow();
  });

  it('answers random bytes with frames or an error, never with more than it got', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const reader = new FrameReader(limit);
        reader.push(Buffer.from(bytes));
        let taken = 0;
        try {
          for (let next = reader.next(); next !== null; next = reader.next()) taken += next.whole.length;
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/protocol|too_large/) as string });
        }
        expect(taken + reader.pending).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});

describe('FieldReader', () => {
  it('reads what was written', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -32_768, max: 32_767 }),
        fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
        fc.stringMatching(/^[^\0]*$/u),
        (small, large, text) => {
          fc.pre(Buffer.from(text).toString() === text);
          const reader = new FieldReader(
            Buffer.concat([int16(small), int32(large), int32(large), cString(text), Buffer.from('rest')]),
          );
          expect([reader.int16(), reader.int32(), reader.uint32(), reader.string()]).toEqual([
            small,
            large,
            large >>> 0,
            text,
          ]);
          expect(() => reader.end()).toThrow();
          expect(reader.rest().toString()).toBe('rest');
          expect(() => reader.end()).not.toThrow();
        },
      ),
    );
  });

  it.each<[string, (reader: FieldReader) => unknown]>([
    ['byte', (reader) => reader.byte()],
    ['int16', (reader) => reader.int16()],
    ['int32', (reader) => reader.int32()],
    ['bytes', (reader) => reader.bytes(1)],
    ['a negative number of bytes', (reader) => reader.bytes(-1)],
    ['string', (reader) => reader.string()],
  ])('never reads a %s past the end', (_what, read) => {
    expect(() => read(new FieldReader(Buffer.alloc(0)))).toThrow(expect.objectContaining({ code: 'protocol' }));
  });

  it('refuses what is not UTF-8: judged text and forwarded bytes are the same thing', () => {
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80, 0x80], [0xe2, 0x82]])
      expect(() => decodeUtf8(Buffer.from(bytes))).toThrow(expect.objectContaining({ code: 'protocol' }));
    expect(decodeUtf8(Buffer.from('\uFEFFé🌍'))).toBe('\uFEFFé🌍');
  });
});
