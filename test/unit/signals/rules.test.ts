import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Signalling } from '../../../src/gateway/signalling.js';
import { LiveSessions } from '../../../src/sessions/session.js';
import type { AuditEvent } from '../../../src/signals/audit-event.js';
import { SignalBook } from '../../../src/signals/book.js';
import { limits, SignalRules } from '../../../src/signals/rules.js';
import { openStore, type Store } from '../../../src/store/open.js';
import type { OpenSession, Signal, SignalDraft } from '../../../src/signals/signal.js';

const start = Date.parse('2026-01-07T12:00:00Z');
const minute = 60_000;

function event(more: Partial<AuditEvent>, atMs = start): AuditEvent {
  return {
    ...{ schema: 'sluice.audit/v1', event: 'operation.denied', at: new Date(atMs).toISOString(), severity: 'warning' },
    ...{ outcome: 'denied', actor: { id: 'idp#ann', name: 'ann', kind: 'human' }, session: 'ses_1', target: 'db' },
    ...{ object: null, op: 1, detail: { effects: ['drop on table db/shop/public/orders'], policies: ['no-drop'] } },
    ...more,
  };
}
const told = (signals: readonly SignalDraft[]) => signals.map(({ kind, severity }) => `${kind} ${severity}`);

describe('repeated refusals of the same operation', () => {
  const after = (rules: SignalRules, count: number, stepMs: number, more: Partial<AuditEvent> = {}) =>
    Array.from({ length: count }, (_, index) =>
      rules.observe(event({ op: index + 1, ...more }, start + index * stepMs)),
    ).flat();

  it('are told of at the fifth and at the twentieth, with links to the last', () => {
    const signals = after(new SignalRules(), 30, 1000);
    expect(told(signals)).toEqual(['repeated-refusal medium', 'repeated-refusal high']);
    expect(signals[0]?.summary).toBe('5 refusals of drop on table db/shop/public/orders within 10 minutes');
    expect(signals[0]?.evidence.map(({ session, op }) => [session, op])).toEqual(
      [1, 2, 3, 4, 5].map((op) => ['ses_1', op]),
    );
  });

  it('are none of slips of the fingers: of what could not be read only the same text is the same', () => {
    const unread = (text: string) => event({ detail: { effects: [], policies: [], text } });
    const rules = new SignalRules();
    expect(
      ['selec 1', 'selct 2', 'select * form x', 'from', ':id', 'x'].flatMap((text) => rules.observe(unread(text))),
    ).toEqual([]);
    expect(told(Array.from({ length: 5 }, () => rules.observe(unread('{'))).flat())).toEqual([
      'repeated-refusal medium',
    ]);
  });

  it('are counted over sessions and not over other operations, people or targets', () => {
    const rules = new SignalRules();
    const same = [1, 2, 3, 4, 5].map((n) => rules.observe(event({ session: `ses_${n}` })));
    expect(same.flat()).toHaveLength(1);
    const others = new SignalRules();
    for (let n = 0; n < 4; n++) others.observe(event({}));
    expect(others.observe(event({ target: 'other' }))).toEqual([]);
    expect(others.observe(event({ actor: { id: 'idp#bob', name: 'bob', kind: 'human' } }))).toEqual([]);
    expect(others.observe(event({ detail: { effects: ['drop on table db/x'], policies: ['no-drop'] } }))).toEqual([]);
  });

  it('are nothing when they come slowly', () => {
    expect(after(new SignalRules(), 40, 3 * minute)).toEqual([]);
  });
});

describe('attempts to reconfigure', () => {
  it.each([
    [{ event: 'api.refused', outcome: 'refused', object: 'POST /v1/bundle' }, 'gateway-tampering high'],
    [{ event: 'api.refused', outcome: 'refused', object: 'DELETE /v1/secrets/:name' }, 'gateway-tampering high'],
    [{ event: 'bundle.apply', outcome: 'failed', object: 'v1' }, 'gateway-tampering high'],
    [{ detail: { effects: ['alterSystem on target db'], policies: ['no-server-access'] } }, 'gateway-tampering medium'],
  ] as const)('are told of at once: %o', (more, signal) => {
    expect(told(new SignalRules().observe(event(more)))).toEqual([signal]);
  });

  it('are not what is permitted, read, or done by the gateway itself', () => {
    const rules = new SignalRules();
    expect(rules.observe(event({ event: 'bundle.apply', outcome: 'done' }))).toEqual([]);
    expect(rules.observe(event({ event: 'api.refused', outcome: 'refused', object: 'GET /v1/sessions' }))).toEqual([]);
    const gateway = { id: 'gateway', name: 'gateway', kind: 'gateway' } as const;
    expect(rules.observe(event({ event: 'bundle.apply', outcome: 'failed', actor: gateway }))).toEqual([]);
  });

  it('of a script are one story: the first, then every tenth', () => {
    const rules = new SignalRules();
    const all = Array.from({ length: 25 }, () =>
      rules.observe(event({ event: 'api.refused', object: 'POST /v1/bundle' })),
    ).flat();
    expect(all).toHaveLength(3);
  });
});

describe('unusual reveals', () => {
  const reveal = (column: string, name: string, atMs = start) =>
    event({ event: 'reveal.used', outcome: 'allowed', detail: { column, class: name } }, atMs);

  it('are many columns or many classes within an hour, told of once', () => {
    const rules = new SignalRules();
    const columns = Array.from({ length: 8 }, (_, n) => rules.observe(reveal(`c${n}`, 'email'))).flat();
    expect(told(columns)).toEqual(['unusual-reveal medium']);
    const classes = new SignalRules();
    expect(['a', 'b', 'c', 'd'].flatMap((name) => told(classes.observe(reveal(`${name}1`, name))))).toHaveLength(1);
  });

  it('are not the same few columns all day', () => {
    const rules = new SignalRules();
    const day = Array.from({ length: 200 }, (_, n) =>
      rules.observe(reveal(`c${n % 4}`, 'email', start + n * 5 * minute)),
    );
    expect(day.flat()).toEqual([]);
  });
});

describe('quiet sessions', () => {
  const session = (more: Partial<OpenSession>): OpenSession => ({
    ...{
      id: 'ses_1',
      identity: { id: 'idp#ann', name: 'ann' },
      target: 'db',
      startedAt: start,
      lastOperationAt: start,
    },
    ...more,
  });

  it('are those that are open for long and do nothing; each is told of once, and again when it woke in between', () => {
    const rules = new SignalRules();
    const later = start + limits.quiet.openMs;
    expect(rules.sweep([session({})], later - 1)).toEqual([]);
    expect(told(rules.sweep([session({})], later))).toEqual(['quiet-session low']);
    expect(rules.sweep([session({})], later + minute)).toEqual([]);
    expect(rules.sweep([session({ lastOperationAt: later + minute })], later + 2 * minute)).toEqual([]);
    const asleep = later + 3 * limits.quiet.idleMs;
    expect(rules.sweep([session({ lastOperationAt: later + minute })], asleep)).toHaveLength(1);
  });

  it('are not those that work', () => {
    const now = start + 10 * limits.quiet.openMs;
    expect(new SignalRules().sweep([session({ lastOperationAt: now - minute })], now)).toEqual([]);
  });
});

describe('what is kept over a restart', () => {
  let dir: string;
  let now = start;
  let problems: string[] = [];
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'sluice-signals-'));
    now = start;
    problems = [];
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  /** A gateway's signalling on its store, from a start to a stop. */
  function run<T>(work: (signalling: Signalling, store: Store) => T): T {
    const store = openStore(join(dir, 'state.db'));
    const onProblem = (message: string): void => void problems.push(message);
    const book = new SignalBook({ store: store.signals, clock: () => now, onProblem });
    const signalling = new Signalling({
      ...{
        book,
        store: store.signals,
        sessions: new LiveSessions(),
        clock: () => now,
        onProblem,
        tell: () => undefined,
      },
    });
    const result = work(signalling, store);
    signalling.close();
    store.close();
    return result;
  }

  it('are the signals, which say for a day of whom they were raised', () => {
    const signal: Omit<Signal, 'id'> = {
      ...{ kind: 'quiet-session', severity: 'low', target: 'db', summary: 'x', evidence: [] },
      ...{ identity: { id: 'idp#ann', name: 'ann' }, at: new Date(start).toISOString() },
    };
    run(({ book }) => {
      expect(book.kindsOf('idp#ann')).toEqual([]);
      book.add({ ...signal, id: 'sig_1' });
      book.add({ ...signal, id: 'sig_2', kind: 'repeated-refusal', severity: 'high' });
      expect(book.kindsOf('idp#ann')).toEqual(['quiet-session', 'repeated-refusal']);
      expect(book.kindsOf('idp#bob')).toEqual([]);
    });
    run(({ book }) => {
      expect(book.list({ limit: 10 }).map(({ id }) => id)).toEqual(['sig_2', 'sig_1']);
      expect(book.list({ limit: 10, severity: 'high' }).map(({ id }) => id)).toEqual(['sig_2']);
      expect(book.list({ limit: 10, user: 'bob' })).toEqual([]);
      expect(book.kindsOf('idp#ann')).toHaveLength(2);
      now += 25 * 60 * minute;
      expect(book.kindsOf('idp#ann')).toEqual([]);
    });
  });

  it('are the refusals of the last minutes: the fifth is the fifth, whenever the gateway was restarted', () => {
    const refused = (op: number) => event({ op }, now);
    run((signalling) => {
      for (let op = 1; op <= 4; op++) signalling.hear(refused(op));
      expect(signalling.book.list({ limit: 10 })).toEqual([]);
    });
    now += minute;
    run((signalling) => {
      signalling.hear(refused(5));
      const [signal] = signalling.book.list({ limit: 10 });
      expect(signal).toMatchObject({ kind: 'repeated-refusal', severity: 'medium' });
      expect(signal?.evidence.map(({ op }) => op)).toEqual([1, 2, 3, 4, 5]);
    });
    now += 11 * minute;
    run((signalling) => {
      signalling.hear(refused(6));
      expect(signalling.book.list({ limit: 10 })).toHaveLength(1);
    });
    expect(problems).toEqual([]);
  });

  it('are the columns that were revealed, and that this was told already', () => {
    const reveal = (column: string) =>
      event({ event: 'reveal.used', outcome: 'allowed', detail: { column, class: 'email' } }, now);
    run((signalling) => ['a', 'b', 'c', 'd'].forEach((column) => signalling.hear(reveal(column))));
    run((signalling) => {
      signalling.hear(reveal('d'));
      expect(signalling.book.list({ limit: 10 })).toEqual([]);
      signalling.hear(reveal('e'));
      expect(signalling.book.list({ limit: 10 })).toMatchObject([{ kind: 'unusual-reveal' }]);
    });
    run((signalling) => {
      signalling.hear(reveal('f'));
      expect(signalling.book.list({ limit: 10 })).toHaveLength(1);
    });
  });

  it('is no text that was run, and nothing that no rule looks back to', () => {
    const effects = ['exec on target db (curl -H hunter2)'];
    run((signalling, store) => {
      signalling.hear(event({ detail: { effects, policies: ['no'], text: 'curl -H hunter2' } }, now));
      signalling.keep();
      expect(store.signals.windows(0)).toHaveLength(1);
      expect(JSON.stringify(store.signals.windows(0))).not.toContain('hunter2');
    });
    now += 61 * minute;
    run((signalling, store) => {
      signalling.hear(event({ target: 'other' }, now));
      signalling.keep();
      expect(store.signals.windows(0).map(({ at }) => at)).toEqual([now]);
    });
  });

  it('is written with the next when the store could not take it', () => {
    run((signalling, store) => {
      signalling.hear(event({}, now));
      const { saveWindows } = store.signals;
      Object.assign(store.signals, {
        saveWindows: () => {
          throw new Error('the disk is full');
        },
      });
      signalling.keep();
      expect(problems).toEqual(['what the signal rules remember cannot be written']);
      Object.assign(store.signals, { saveWindows });
      signalling.keep();
      expect(store.signals.windows(0)).toHaveLength(1);
    });
  });
});
