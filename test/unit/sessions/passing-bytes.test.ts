import { describe, expect, it } from 'vitest';
import type { SessionEvent, SessionRecorder } from '../../../src/recording/events.js';
import { PassingBytes } from '../../../src/sessions/passing-bytes.js';

const mebibyte = 1024 * 1024;

function counting() {
  let now = 0;
  const events: SessionEvent[] = [];
  const recorder: SessionRecorder = {
    session: 'ses_1',
    mode: 'strict',
    append: (event) => void events.push(event),
    commit: () => undefined,
    close: () => Promise.resolve(),
  };
  const passing = new PassingBytes({ recorder, op: 7, what: 'of input', now: () => now });
  const noted = (): readonly number[] =>
    events.map((event) =>
      event.type === 'notice' ? Number(/at most (\d+) bytes of input/.exec(event.message)?.[1]) : 0,
    );
  return { passing, events, noted, wait: (ms: number) => void (now += ms) };
}

describe('bytes that pass and are not kept', () => {
  it('are on record before they pass, to the next MiB; the first one stands under its operation', () => {
    const { passing, events, noted } = counting();
    let most = mebibyte;
    for (const piece of [1, mebibyte - 1, 1, 5, 3 * mebibyte, mebibyte, 100_000]) {
      passing.add(piece);
      most = Math.max(most, ...noted());
      expect(most).toBeGreaterThanOrEqual(passing.total);
      expect(most - passing.total).toBeLessThan(mebibyte);
    }
    expect(noted()).toEqual([2, 5, 6].map((times) => times * mebibyte));
    expect(events[0]).toMatchObject({ type: 'notice', op: 7, code: 'passing' });
    expect(passing.total).toBe(5 * mebibyte + 100_006);
  });

  it('are noted after a while however few they are: then it shows whether a record can still be written', () => {
    const { passing, noted, wait } = counting();
    passing.add(10);
    wait(9_999);
    passing.add(10);
    expect(noted()).toEqual([]);
    wait(1);
    passing.add(10);
    passing.add(10);
    expect(noted()).toEqual([mebibyte]);
    wait(60_000);
    passing.add(10);
    expect(noted()).toEqual([mebibyte, mebibyte]);
  });
});
