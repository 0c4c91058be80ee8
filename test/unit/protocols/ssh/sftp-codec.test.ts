import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSluiceError } from '../../../../src/lib/errors.js';
import {
  encodePacket,
  PacketReader,
  string,
  types,
  uint32,
  uint64,
  UnreadableName,
  type Packet,
} from '../../../../src/protocols/ssh/sftp/codec.js';
import { decodeRequest } from '../../../../src/protocols/ssh/sftp/requests.js';

/** What a decoder makes of bytes: packets, or that it rejects them. */
function packetsIn(pieces: readonly Buffer[]): { readonly packets: readonly Packet[]; readonly rejected: boolean } {
  const reader = new PacketReader();
  const packets: Packet[] = [];
  try {
    for (const piece of pieces)
      for (const { type, payload } of reader.push(piece)) packets.push({ type, payload: Buffer.from(payload) });
  } catch (error) {
    if (!isSluiceError(error, 'protocol')) throw error;
    return { packets, rejected: true };
  }
  return { packets, rejected: false };
}

const path = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('\0'));
const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array));

describe('SFTP packets', () => {
  it('are the same wherever the stream is cut, and in one chunk', () => {
    const some = fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), bytes), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(some, fc.nat(), (packets, place) => {
        const stream = Buffer.concat(packets.map(([type, payload]) => encodePacket(type, payload)));
        const at = place % (stream.length + 1);
        const whole = packetsIn([stream]);
        expect(whole.packets.map(({ type, payload }) => [type, payload])).toEqual(packets);
        expect(packetsIn([stream.subarray(0, at), stream.subarray(at)])).toEqual(whole);
        expect(packetsIn([...stream].map((byte) => Buffer.from([byte])))).toEqual(whole);
      }),
    );
  });

  it('are the same when large ones come in the pieces of a channel, and small ones by the byte', () => {
    const sizes = [261_120, 3, 32_768, 261_120, 0, 70_000];
    const packets = sizes.map((size, type) => encodePacket(type, Buffer.alloc(size, type + 1)));
    const stream = Buffer.concat(packets);
    for (const step of [1, 7, 32_768, 65_537]) {
      const pieces: Buffer[] = [];
      for (let at = 0; at < stream.length; at += step) pieces.push(Buffer.from(stream.subarray(at, at + step)));
      const read = packetsIn(pieces).packets.map(({ type, payload }) => encodePacket(type, payload));
      expect(Buffer.concat(read).equals(stream)).toBe(true);
      expect(read.length).toBe(sizes.length);
    }
  });

  it('of impossible length are rejected before anything is kept of them', () => {
    for (const length of [0, 0x7fffffff, 0x80000000, 0xffffffff, 300_000]) {
      expect(packetsIn([Buffer.concat([uint32(length), Buffer.alloc(8)])])).toEqual({ packets: [], rejected: true });
    }
  });

  it('of random bytes are read or rejected, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 8 }), (pieces) => {
        const { packets } = packetsIn(pieces);
        const given = pieces.reduce((sum, piece) => sum + piece.length, 0);
        expect(packets.reduce((sum, { payload }) => sum + payload.length + 5, 0)).toBeLessThanOrEqual(given);
      }),
    );
  });
});

describe('SFTP requests', () => {
  it('are decoded or rejected, whatever their bytes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 255 }), bytes, (type, payload) => {
        try {
          const request = decodeRequest({ type, payload });
          expect(request.id).toBe(payload.readUInt32BE(0));
        } catch (error) {
          expect(error instanceof UnreadableName || isSluiceError(error, 'protocol')).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each(['lstat', 'stat', 'opendir', 'remove', 'rmdir', 'realpath', 'readlink', 'mkdir', 'setstat', 'open'] as const)(
    '%s goes on with the judged path and all that stood behind the asked one',
    (name) => {
      fc.assert(
        fc.property(path, path, bytes, (asked, judged, tail) => {
          const behind = name === 'open' ? Buffer.concat([uint32(1), tail]) : tail;
          const request = decodeRequest({
            type: types[name],
            payload: Buffer.concat([uint32(7), string(asked), behind]),
          });
          if (request.kind !== 'paths') throw new Error('it names a path');
          expect(request.paths.map((one) => one.path)).toEqual([asked]);
          expect(Buffer.concat([...request.encode([judged])])).toEqual(Buffer.concat([string(judged), behind]));
        }),
      );
    },
  );

  it('rename goes on with both judged paths and nothing of what was asked', () => {
    fc.assert(
      fc.property(path, path, (from, to) => {
        const payload = Buffer.concat([uint32(7), string(from), string(to)]);
        const request = decodeRequest({ type: types.rename, payload });
        if (request.kind !== 'paths') throw new Error('it names paths');
        expect(request.paths.map((one) => one.path)).toEqual([from, to]);
        expect(Buffer.concat([...request.encode(['/a', '/b'])])).toEqual(Buffer.concat([string('/a'), string('/b')]));
      }),
    );
  });

  it('name what nobody could judge: a NUL, or no UTF-8', () => {
    for (const name of [Buffer.from('a\0b'), Buffer.from([0x61, 0xff]), Buffer.from([0xed, 0xa0, 0x80])]) {
      const payload = Buffer.concat([uint32(7), string(name)]);
      expect(() => decodeRequest({ type: types.remove, payload })).toThrow(UnreadableName);
    }
  });

  it('beyond what numbers hold are rejected', () => {
    const payload = Buffer.concat([uint32(7), string('h'), Buffer.alloc(8, 0xff), uint32(1)]);
    expect(() => decodeRequest({ type: types.read, payload })).toThrow('out of bounds');
    const most = Buffer.concat([uint32(7), string('h'), uint64(Number.MAX_SAFE_INTEGER), uint32(1)]);
    expect(decodeRequest({ type: types.read, payload: most })).toMatchObject({ offset: Number.MAX_SAFE_INTEGER });
  });
});
