import { describe, expect, it } from 'vitest';
import { type Expected, Tracker } from '../../../../src/protocols/postgres/tracker.js';

const log: string[] = [];
const parse = (name: string): Expected => ({
  type: 'parse',
  hidden: false,
  changes: { kind: 'statement', name },
  undo: () => void log.push(`parse ${name}`),
});
const close = (name: string): Expected => ({
  type: 'close',
  hidden: false,
  changes: { kind: 'statement', name },
  undo: () => void log.push(`close ${name}`),
});
const describeStatement: Expected = { type: 'describeStatement', named: { client: 'a', upstream: 'sluice_s1' } };
const sync: Expected = { type: 'sync', era: 0 };

function trackerOf(...expected: readonly Expected[]): Tracker {
  const tracker = new Tracker();
  for (const one of expected) tracker.push(one);
  log.length = 0;
  return tracker;
}

describe('Tracker', () => {
  it('gives back in order, over thousands', () => {
    const tracker = new Tracker();
    const all = Array.from({ length: 5_000 }, (_, n) => parse(String(n)));
    const seen: (Expected | undefined)[] = [];
    for (const [n, one] of all.entries()) {
      tracker.push(one);
      if (n % 3 > 0) seen.push(tracker.shift());
    }
    while (!tracker.isEmpty) seen.push(tracker.shift());
    expect(seen).toEqual(all);
    expect(tracker.shift()).toBeUndefined();
  });

  it('after an error drops and undoes, newest first, up to the Sync', () => {
    const tracker = trackerOf(parse('a'), close('b'), describeStatement, parse('c'), sync, parse('d'));
    expect(tracker.dropToSync()).toMatchObject({
      syncQueued: true,
      dropped: [{ type: 'parse' }, { type: 'close' }, { type: 'describeStatement' }, { type: 'parse' }],
    });
    expect(log).toEqual(['parse c', 'close b', 'parse a']);
    expect(tracker.head).toBe(sync);
  });

  it('says when the Sync is still to come', () => {
    expect(trackerOf(parse('a')).dropToSync().syncQueued).toBe(false);
    expect(trackerOf().dropToSync()).toEqual({ dropped: [], syncQueued: false });
  });

  it('a name is uncertain while a message that changes it stands before a Sync that is not answered', () => {
    const tracker = trackerOf(parse('a'), sync, parse('b'));
    expect(tracker.isUncertain('statement', 'a')).toBe(true);
    expect(tracker.isUncertain('portal', 'a')).toBe(false);
    expect(tracker.isUncertain('statement', 'b')).toBe(false);
    tracker.shift();
    expect(tracker.isUncertain('statement', 'a')).toBe(false);
    tracker.shift();
    tracker.push(sync);
    expect(tracker.isUncertain('statement', 'b')).toBe(true);
    tracker.drain();
    expect(tracker.isUncertain('statement', 'b')).toBe(false);
    expect(tracker.isEmpty).toBe(true);
  });

  it('gives everything still owed when the connection ends', () => {
    const tracker = trackerOf(parse('a'), sync, close('b'));
    tracker.shift();
    expect(tracker.drain().map(({ type }) => type)).toEqual(['sync', 'close']);
    expect(tracker.head).toBeUndefined();
  });
});
