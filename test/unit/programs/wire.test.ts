import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeProgramFrame,
  fromGateway,
  fromRelay,
  maxPieceBytes,
  piecesOf,
  type ProgramFrame,
  ProgramFrames,
} from '../../../src/programs/wire.js';

const byGateway: readonly ProgramFrame[] = [
  { type: 'start', json: '{"argv":["/bin/é"]}' },
  { type: 'input', bytes: Buffer.alloc(maxPieceBytes, 7) },
  { type: 'window', rows: 50, columns: 132 },
  { type: 'signal', text: 'INT' },
  { type: 'inputEnd' },
];
const byRelay: readonly ProgramFrame[] = [
  { type: 'started' },
  { type: 'output', bytes: Buffer.from('out') },
  { type: 'errors', bytes: Buffer.from('err') },
  { type: 'taken', count: 70_000 },
  { type: 'exit', code: 0, signal: null },
  { type: 'exit', code: null, signal: 'SIGTERM' },
  { type: 'failed', text: 'no such account' },
];

function decodeAll(allowed: typeof fromRelay, chunks: readonly Buffer[]): readonly ProgramFrame[] {
  const frames = new ProgramFrames(allowed);
  return chunks.flatMap((chunk) => [...frames.push(chunk)]);
}

describe('frames of a program’s stream', () => {
  it.each([
    ['gateway', fromGateway, byGateway],
    ['relay', fromRelay, byRelay],
  ] as const)('of the %s come out as they went in, however they are cut', (_side, allowed, all) => {
    const bytes = Buffer.concat(all.map(encodeProgramFrame));
    expect(decodeAll(allowed, [bytes])).toEqual(all);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 5 }), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
        expect(Buffer.concat(decodeAll(allowed, chunks).map(encodeProgramFrame)).equals(bytes)).toBe(true);
      }),
    );
  });

  it('may be sent by one side only', () => {
    for (const frame of byGateway)
      expect(() => decodeAll(fromRelay, [encodeProgramFrame(frame)])).toThrow('sent frame');
    for (const frame of byRelay)
      expect(() => decodeAll(fromGateway, [encodeProgramFrame(frame)])).toThrow('sent frame');
  });

  it('are refused by their heads when they are out of bounds', () => {
    const head = (type: number, length: number): Buffer => {
      const bytes = Buffer.alloc(5);
      bytes[0] = type;
      bytes.writeUInt32BE(length, 1);
      return bytes;
    };
    for (const [type, length] of [
      ...[
        [2, 0],
        [2, maxPieceBytes + 1],
        [1, 1],
        [1, 0xffff_ffff],
        [4, 3],
        [3, 1],
      ],
    ] as const)
      expect(() => decodeAll(fromGateway, [head(type ?? 0, length ?? 0)]), `${type} of ${length}`).toThrow('bytes');
    expect(() => decodeAll(fromRelay, [Buffer.concat([head(21, 2), Buffer.from('-1')])])).toThrow('neither code');
  });

  it('take random bytes or say what is wrong with them', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), (chunks) => {
        for (const allowed of [fromGateway, fromRelay])
          try {
            decodeAll(
              allowed,
              chunks.map((chunk) => Buffer.from(chunk)),
            );
          } catch (error) {
            expect(error).toMatchObject({ code: 'protocol' });
          }
      }),
    );
  });

  it('cut a piece of any size', () => {
    const bytes = Buffer.alloc(3 * maxPieceBytes + 5, 1);
    const frames = decodeAll(fromRelay, [...piecesOf('output', bytes)]);
    expect(frames.map((frame) => ('bytes' in frame ? frame.bytes.length : 0))).toEqual([
      ...[maxPieceBytes, maxPieceBytes, maxPieceBytes, 5],
    ]);
  });
});
