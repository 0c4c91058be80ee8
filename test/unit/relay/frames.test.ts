import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameDecoder, maxDataBytes, type RelayFrame } from '../../../src/relay/frames.js';

const all: readonly RelayFrame[] = [
  { type: 'open', stream: 1, host: 'db.internal', port: 5432 },
  { type: 'run', stream: 3, program: '/opt/tools/résumé' },
  { type: 'opened', stream: 1 },
  { type: 'refused', stream: 2, reason: 'not allowed', text: 'its allowlist does not name it' },
  { type: 'data', stream: 1, bytes: Buffer.alloc(maxDataBytes, 7) },
  { type: 'window', stream: 1, bytes: 65_536 },
  { type: 'end', stream: 1 },
  { type: 'reset', stream: 1 },
  { type: 'ping', mark: Buffer.alloc(8, 1) },
  { type: 'pong', mark: Buffer.alloc(8, 1) },
  { type: 'goodbye', text: 'the gateway is shutting down' },
  { type: 'login', token: 'abc.def.ghi' },
];

function decodeAll(...chunks: readonly Buffer[]): readonly RelayFrame[] {
  const decoder = new FrameDecoder();
  return chunks.flatMap((chunk) => [...decoder.push(chunk)]);
}

describe('frames of a relay connection', () => {
  it('come out as they went in, whole, in one chunk and split at any byte', () => {
    const bytes = Buffer.concat(all.map(encodeFrame));
    const again = (...chunks: readonly Buffer[]): Buffer => Buffer.concat(decodeAll(...chunks).map(encodeFrame));
    expect(decodeAll(bytes)).toEqual(all);
    // As bytes: comparing large frames one value after the other takes its time.
    for (let at = 0; at < 200; at += 1)
      expect(again(bytes.subarray(0, at), bytes.subarray(at)).equals(bytes), String(at)).toBe(true);
    const small = Buffer.concat(all.filter(({ type }) => type !== 'data').map(encodeFrame));
    const bytewise = Array.from(small, (byte) => Buffer.from([byte]));
    expect(decodeAll(...bytewise)).toEqual(all.filter(({ type }) => type !== 'data'));
  });

  it('refuses lengths, streams and contents out of bounds before their payload is here', () => {
    const head = (type: number, stream: number, length: number): Buffer => {
      const bytes = Buffer.alloc(7);
      bytes[0] = type;
      bytes.writeUInt32BE(stream, 1);
      bytes.writeUInt16BE(length, 5);
      return bytes;
    };
    const wrong: readonly Buffer[] = [
      head(0, 1, 0), // no such type
      head(200, 1, 0),
      head(4, 1, maxDataBytes + 1),
      head(4, 1, 0), // data without any
      head(4, 0, 10), // data of no stream
      head(8, 1, 8), // a ping on a stream
      head(8, 0, 7),
      head(5, 1, 5),
      head(6, 1, 1),
      head(1, 1, 2),
      head(1, 1, 300),
      head(11, 0, 0),
      head(11, 0, 20_000),
      Buffer.concat([head(5, 1, 4), Buffer.alloc(4)]), // room for nothing
      Buffer.concat([head(5, 1, 4), Buffer.alloc(4, 0xff)]), // room for 4 GiB
      Buffer.concat([head(1, 1, 3), Buffer.from([0, 0, 0x61])]), // port 0
      Buffer.concat([head(1, 1, 5), Buffer.from([0, 22, 0x61, 0x0a, 0x62])]), // a line break in a name
      Buffer.concat([head(3, 1, 1), Buffer.from([9])]), // no such reason
    ];
    for (const bytes of wrong)
      expect(() => decodeAll(bytes), bytes.toString('hex')).toThrow(expect.objectContaining({ code: 'protocol' }));
  });

  it('lets no control characters of a peer into words', () => {
    const [frame] = decodeAll(encodeFrame({ type: 'goodbye', text: 'a\u001b[2J\u202eb\n' }));
    expect(frame).toEqual({ type: 'goodbye', text: 'a?[2J?b?' });
  });

  it('takes random bytes or says that they are wrong, and keeps at most one frame of them', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), (chunks) => {
        try {
          const frames = decodeAll(...chunks.map((chunk) => Buffer.from(chunk)));
          for (const frame of frames) expect(encodeFrame(frame).length).toBeLessThanOrEqual(7 + maxDataBytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'protocol' });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
