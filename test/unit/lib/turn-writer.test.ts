import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { TurnWriter } from '../../../src/lib/turn-writer.js';

/** Keeps what it is given, write by write; while `slow`, it takes nothing more. */
class Sink extends Writable {
  readonly calls: string[] = [];
  slow = false;
  #waiting: (() => void) | null = null;

  constructor() {
    super({ highWaterMark: 16 * 1024 });
  }
  override _writev(chunks: readonly { chunk: Buffer }[], done: () => void): void {
    this.#take(chunks.map(({ chunk }) => chunk.toString()).join(''), done);
  }
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#take(chunk.toString(), done);
  }
  go(): void {
    this.slow = false;
    this.#waiting?.();
    this.#waiting = null;
  }
  #take(text: string, done: () => void): void {
    this.calls.push(text);
    if (this.slow) this.#waiting = done;
    else done();
  }
}

const bytes = (text: string): Buffer => Buffer.from(text);

describe('a turn’s writes', () => {
  it('reach each stream at its end, together and in order', async () => {
    const [a, b] = [new Sink(), new Sink()];
    const [toA, toB] = [new TurnWriter(a), new TurnWriter(b)];
    expect(toA.write([bytes('1'), bytes('2')])).toBe(true);
    toB.write([bytes('x')]);
    toA.write([bytes('3')]);
    expect([...a.calls, ...b.calls]).toEqual([]);
    expect(toA.isEmpty).toBe(false);
    await turn();
    expect(a.calls).toEqual(['123']);
    expect(b.calls).toEqual(['x']);
    expect(toA.isEmpty).toBe(true);
    toA.write([bytes('4')]);
    await turn();
    expect(a.calls).toEqual(['123', '4']);
  });

  it('do not wait when they are large, and what waited goes before them', () => {
    const sink = new Sink();
    const out = new TurnWriter(sink);
    out.write([bytes('small')]);
    out.write([bytes('x'.repeat(5000))]);
    expect(sink.calls).toEqual(['small', 'x'.repeat(5000)]);
    expect(out.isEmpty).toBe(true);
  });

  it('ask to wait for a reader that takes nothing, however small they are', async () => {
    const sink = new Sink();
    sink.slow = true;
    const out = new TurnWriter(sink);
    out.write([bytes('first')]);
    await turn();
    let flowing = true;
    let pieces = 0;
    for (; flowing && pieces < 10_000; pieces++) flowing = out.write([bytes('y'.repeat(100))]);
    expect(flowing).toBe(false);
    expect(sink.writableLength).toBeLessThan(20_000);
    const drained = new Promise((resolve) => sink.once('drain', resolve));
    sink.go();
    await drained;
    expect(sink.calls.join('')).toBe(`first${'y'.repeat(100 * pieces)}`);
  });

  it('are flushed by who writes past them, and dropped with a stream that is gone', async () => {
    const sink = new Sink();
    const out = new TurnWriter(sink);
    out.write([bytes('answer')]);
    out.flush();
    sink.end(bytes('goodbye'));
    expect(sink.calls).toEqual(['answer', 'goodbye']);
    const gone = new Sink();
    const late = new TurnWriter(gone);
    late.write([bytes('late')]);
    gone.destroy();
    await turn();
    expect(gone.calls).toEqual([]);
    expect(late.write([bytes('later')])).toBe(true);
    await turn();
    expect(gone.calls).toEqual([]);
  });

  it('are made at once by the only stream there is, until there are others', async () => {
    const [a, b] = [new Sink(), new Sink()];
    const [toA, toB] = [new TurnWriter(a), new TurnWriter(b)];
    let atOnce = 0;
    for (let at = 0; at < 40; at++) {
      toA.write([bytes('a')]);
      if (toA.isEmpty) atOnce++;
      await turn();
    }
    expect(atOnce).toBeGreaterThan(30);
    expect(a.calls).toHaveLength(40);
    // Within few turns both wait for each other again.
    for (let at = 0; at < 40; at++) {
      toA.write([bytes('a')]);
      toB.write([bytes('b')]);
      await turn();
    }
    toA.write([bytes('a')]);
    toB.write([bytes('b')]);
    expect([toA.isEmpty, toB.isEmpty]).toEqual([false, false]);
    await turn();
    expect([a.calls.length, b.calls.length]).toEqual([81, 41]);
  });
});
