import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApprovals, type ApprovalService } from '../../../src/approvals/approvals.js';
import type { RequestStore } from '../../../src/approvals/store.js';
import type { ApprovalRequest, RequestDraft } from '../../../src/approvals/types.js';
import type { Principal } from '../../../src/policy/types.js';
import { openStore, type Store } from '../../../src/store/open.js';

const person = (name: string, groups: readonly string[], more: Partial<Principal> = {}): Principal => ({
  id: `https://idp#${name}`,
  name: `${name}@corp.example`,
  kind: 'human',
  issuer: 'https://idp',
  mfa: false,
  groups,
  ...more,
});
const engineer = person('engineer', ['engineers', 'dba']);
const reviewer = person('reviewer', ['dba', 'reviewers']);
const reviewer2 = person('reviewer2', ['dba']);
const auditor = person('auditor', ['reviewers']);
const stranger = person('stranger', ['engineers']);

const draft = (more: Partial<RequestDraft> = {}): RequestDraft => ({
  principal: engineer,
  target: 'demo-db',
  text: 'DELETE FROM orders WHERE id = $1',
  parameters: ['7', null],
  effects: ['delete on table demo-db/shop/public/orders'],
  approvals: [{ group: 'dba', count: 1, policy: 'hold-writes' }],
  policies: ['hold-writes'],
  message: 'Writes need a DBA',
  reason: 'INC-42',
  session: 'ses_1',
  ...more,
});

const expireMs = 600_000;
let directory: string;
let store: Store;
let now: number;
let version: string;
let changes: string[];
let timers: { wake: () => void; ms: number }[];
let approvals: ApprovalService;

function create(requests: RequestStore = store.requests): ApprovalService {
  return createApprovals({
    store: requests,
    now: () => now,
    version,
    expireMs,
    onChange: (request) => changes.push(request.state),
    setTimer: (wake, ms) => {
      const timer = { wake, ms };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
  });
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-approvals-'));
  store = openStore(join(directory, 'state.db'));
  now = 1_000_000;
  version = '1.0.0';
  changes = [];
  timers = [];
  approvals = create();
});
afterEach(() => {
  approvals.close();
  store.close();
  rmSync(directory, { recursive: true, force: true });
});

const never = new AbortController().signal;

describe('the life of a request', () => {
  it('is opened, approved by a member of the group, and used once', () => {
    const request = approvals.open(draft());
    expect(request).toMatchObject({ state: 'pending', createdAt: now, expiresAt: now + expireMs, votes: [] });
    expect(() => approvals.consume(request.id, draft())).toThrow(expect.objectContaining({ code: 'approval_pending' }));
    now += 5;
    const approved = approvals.vote(request.id, reviewer, 'approve', ' fine \u001b[31m');
    expect(approved).toMatchObject({ state: 'approved', decidedAt: now });
    expect(approved.votes).toEqual([
      { by: reviewer.id, name: reviewer.name, groups: ['dba'], decision: 'approve', comment: 'fine [31m', at: now },
    ]);
    expect(approvals.consume(request.id, draft())).toEqual(['dba']);
    expect(approvals.get(request.id)?.state).toBe('executed');
    expect(() => approvals.consume(request.id, draft())).toThrow(expect.objectContaining({ code: 'conflict' }));
    expect(changes).toEqual(['pending', 'approved', 'executed']);
  });

  it('ends as its target answered: executed with the tag, or failed with the error', () => {
    const run = (): string => {
      const { id } = approvals.open(draft());
      approvals.vote(id, reviewer, 'approve', '');
      approvals.consume(id, draft());
      return id;
    };
    const done = run();
    expect(approvals.get(done)?.outcome).toBeNull();
    approvals.finish(done, { ok: true, detail: 'DELETE 1' });
    expect(approvals.get(done)).toMatchObject({
      state: 'executed',
      outcome: { ok: true, detail: 'DELETE 1', at: now },
    });
    approvals.finish(done, { ok: true, detail: 'DELETE 2' });
    expect(approvals.get(done)?.outcome?.detail).toBe('DELETE 1');
    approvals.finish(done, { ok: false, detail: '23505\u001b[31m duplicate\nkey' });
    expect(approvals.get(done)).toMatchObject({
      state: 'failed',
      outcome: { ok: false, detail: '23505 [31m duplicate key' },
    });
    approvals.finish(done, { ok: true, detail: 'late' });
    expect(approvals.get(done)?.state).toBe('failed');

    const pending = approvals.open(draft());
    approvals.finish(pending.id, { ok: false, detail: 'nothing ran' });
    expect(approvals.get(pending.id)).toMatchObject({ state: 'pending', outcome: null });
  });

  it('keeps every step with who took it, when and why', () => {
    const { id } = approvals.open(draft({ approvals: [{ group: 'dba', count: 2, policy: 'p' }] }));
    now += 1;
    approvals.vote(id, reviewer, 'approve', 'one');
    now += 1;
    approvals.vote(id, reviewer2, 'approve', 'two');
    now += 1;
    approvals.consume(id, draft());
    now += 1;
    approvals.finish(id, { ok: false, detail: '40001' });
    const at = now - 4;
    const gateway = { by: 'gateway', name: 'gateway' };
    const by = ({ id: subject, name }: Principal) => ({ by: subject, name });
    expect(approvals.get(id)?.history).toEqual([
      { at, from: null, to: 'pending', ...by(engineer), note: 'INC-42' },
      { at: at + 1, from: 'pending', to: 'pending', ...by(reviewer), note: 'one' },
      { at: at + 2, from: 'pending', to: 'approved', ...by(reviewer2), note: 'two' },
      { at: at + 3, from: 'approved', to: 'executed', ...by(engineer), note: '' },
      { at: at + 4, from: 'executed', to: 'failed', ...gateway, note: '40001' },
    ]);
    const expiring = approvals.open(draft());
    now += expireMs;
    expect(approvals.get(expiring.id)?.history.at(-1)).toEqual({
      at: now,
      from: 'pending',
      to: 'expired',
      ...gateway,
      note: '',
    });
  });

  it('is the same request when the same thing is asked again in the same session', () => {
    const request = approvals.open(draft());
    expect(approvals.open(draft()).id).toBe(request.id);
    expect(approvals.open(draft({ session: 'ses_2' })).id).not.toBe(request.id);
    expect(approvals.open(draft({ parameters: ['8', null] })).id).not.toBe(request.id);
    approvals.vote(request.id, reviewer, 'approve', '');
    expect(approvals.open(draft()).id).not.toBe(request.id);
  });

  it('is bound to identity, target, text, parameters and effects', () => {
    const request = approvals.open(draft());
    approvals.vote(request.id, reviewer, 'approve', '');
    const others: Partial<RequestDraft>[] = [
      { principal: stranger },
      { target: 'demo-db2' },
      { text: 'DELETE FROM orders WHERE id = $1 ' },
      { parameters: ['7'] },
      { parameters: ['7', 'null'] },
      { parameters: ['7,null'] },
      { effects: [] },
    ];
    for (const other of others) {
      expect(() => approvals.consume(request.id, draft(other))).toThrow(expect.objectContaining({ code: 'denied' }));
    }
    expect(approvals.consume(request.id, draft({ reason: 'other', session: 'ses_9' }))).toEqual(['dba']);
  });

  it('is denied with a comment, for good', () => {
    const request = approvals.open(draft());
    for (const comment of ['', '  \u0007 ']) {
      expect(() => approvals.vote(request.id, reviewer, 'deny', comment)).toThrow(
        expect.objectContaining({
          code: 'usage',
          details: expect.objectContaining({
            next: [expect.objectContaining({ command: `sluice requests deny ${request.id} --comment "…"` })],
          }),
        }),
      );
    }
    expect(approvals.vote(request.id, reviewer, 'deny', 'not today').state).toBe('denied');
    expect(() => approvals.consume(request.id, draft())).toThrow(/Denied by reviewer@corp\.example: not today/);
    expect(() => approvals.vote(request.id, reviewer2, 'approve', '')).toThrow(
      expect.objectContaining({ code: 'conflict' }),
    );
  });

  it('is cancelled by its requester or the gateway, and by nobody else', () => {
    const request = approvals.open(draft());
    expect(() => approvals.cancel(request.id, reviewer)).toThrow(expect.objectContaining({ code: 'denied' }));
    expect(approvals.cancel(request.id, engineer).state).toBe('cancelled');
    expect(() => approvals.cancel(request.id, engineer)).toThrow(expect.objectContaining({ code: 'conflict' }));
    expect(approvals.cancel(request.id, 'gateway').state).toBe('cancelled');
    expect(() => approvals.consume(request.id, draft())).toThrow(expect.objectContaining({ code: 'conflict' }));
    const approved = approvals.open(draft());
    approvals.vote(approved.id, reviewer, 'approve', '');
    expect(approvals.cancel(approved.id, 'gateway').state).toBe('cancelled');
  });

  it('says not_found for an id that never was', () => {
    for (const act of [
      () => approvals.vote('req_x', reviewer, 'approve', ''),
      () => approvals.consume('req_x', draft()),
      () => approvals.cancel('req_x', engineer),
    ]) {
      expect(act).toThrow(expect.objectContaining({ code: 'not_found' }));
    }
    expect(approvals.get('req_x')).toBeNull();
  });

  it('is too large when nobody would read it, and limited in number', () => {
    for (const more of [
      { text: 'x'.repeat(100_001) },
      { parameters: ['y'.repeat(100_000)] },
      { effects: Array(2_001).fill('e') as string[] },
    ]) {
      expect(() => approvals.open(draft(more))).toThrow(expect.objectContaining({ code: 'too_large' }));
    }
    for (let index = 0; index < 50; index++) approvals.open(draft({ parameters: [String(index)] }));
    expect(() => approvals.open(draft({ parameters: ['one more'] }))).toThrow(/50 open requests/);
    expect(approvals.open(draft({ principal: stranger })).state).toBe('pending');
    expect(() => approvals.open(draft({ approvals: [] }))).toThrow(TypeError);
  });
});

describe('who may decide', () => {
  it('refuses the requester, whatever account they use', () => {
    const request = approvals.open(draft());
    const again = person('other-subject', ['dba'], { name: 'Engineer@CORP.example ', id: 'https://idp2#x' });
    for (const by of [engineer, again]) {
      expect(() => approvals.vote(request.id, by, 'approve', 'mine')).toThrow(/own request/);
      expect(() => approvals.vote(request.id, by, 'deny', 'mine')).toThrow(/own request/);
    }
  });

  it('refuses people of other groups and machines', () => {
    const request = approvals.open(draft());
    expect(() => approvals.vote(request.id, stranger, 'approve', '')).toThrow(/membership in dba/);
    expect(() => approvals.vote(request.id, person('bot', ['dba'], { kind: 'machine' }), 'approve', '')).toThrow(
      /Only people/,
    );
    expect(approvals.get(request.id)?.votes).toEqual([]);
  });

  it('needs distinct people for a quorum', () => {
    const request = approvals.open(draft({ approvals: [{ group: 'dba', count: 2, policy: 'p' }] }));
    expect(approvals.vote(request.id, reviewer, 'approve', '').state).toBe('pending');
    expect(() => approvals.vote(request.id, reviewer, 'approve', '')).toThrow(
      expect.objectContaining({ code: 'conflict' }),
    );
    const twin = person('twin', ['dba'], { name: 'REVIEWER@corp.example' });
    expect(() => approvals.vote(request.id, twin, 'approve', '')).toThrow(
      expect.objectContaining({ code: 'conflict' }),
    );
    expect(approvals.vote(request.id, reviewer2, 'approve', '').state).toBe('approved');
  });

  it('counts every person once over all groups', () => {
    const both = [
      { group: 'dba', count: 1, policy: 'p' },
      { group: 'reviewers', count: 1, policy: 'q' },
    ];
    // `reviewer` is in both groups, and is one person all the same.
    const request = approvals.open(draft({ approvals: both }));
    expect(approvals.vote(request.id, reviewer, 'approve', '').state).toBe('pending');
    expect(approvals.vote(request.id, auditor, 'approve', '').state).toBe('approved');
    // Whom someone stands for is settled last: the first vote moves to where it is needed.
    const second = approvals.open(draft({ approvals: both, parameters: [] }));
    approvals.vote(second.id, reviewer, 'approve', '');
    expect(approvals.vote(second.id, reviewer2, 'approve', '').state).toBe('approved');
  });

  it('fills a place that asks for a comment only with one who made it, by a bot too', () => {
    const asked = [
      { group: 'dba', count: 1, policy: 'p', comment: 'q' },
      { group: 'reviewers', count: 1, policy: 'r' },
    ];
    const request = approvals.open(draft({ approvals: asked }));
    // In both groups, `reviewer` counts without a word where none is asked for.
    expect(approvals.vote(request.id, reviewer, 'approve', '').state).toBe('pending');
    const silent = (): unknown => approvals.vote(request.id, { ...reviewer2, via: 'chat' }, 'approve', '\u3164');
    expect(silent).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining('"q"') as string }),
    );
    expect(approvals.vote(request.id, { ...reviewer2, via: 'chat' }, 'approve', 'seen').state).toBe('approved');
  });

  it('refuses an approval that the request does not need any more', () => {
    const approvalsAsked = [
      { group: 'dba', count: 1, policy: 'p' },
      { group: 'reviewers', count: 1, policy: 'q' },
    ];
    const request = approvals.open(draft({ approvals: approvalsAsked }));
    approvals.vote(request.id, reviewer2, 'approve', '');
    expect(() => approvals.vote(request.id, person('third', ['dba']), 'approve', '')).toThrow(/still needs reviewers/);
    expect(approvals.get(request.id)?.votes).toHaveLength(1);
  });

  it('takes another account of the requester for the requester', () => {
    const asking = person('ana', ['dba'], { aliases: ['ana@home.example', 'bot-ana'] });
    const request = approvals.open(draft({ principal: asking }));
    const others: Principal[] = [
      person('ana', ['dba'], { id: 'https://idp2#ana', name: 'Ana B.' }), // the same subject at another issuer
      person('a.b', ['dba'], { name: 'ANA@HOME.example' }), // the same e-mail
      person('x', ['dba'], { aliases: ['ana@corp.example'] }), // known as the requester elsewhere
      person('bot-ana', ['dba'], { kind: 'machine' }), // acts for the requester
    ];
    for (const by of others) {
      expect(() => approvals.vote(request.id, by, 'approve', '')).toThrow(/own request/);
      expect(() => approvals.vote(request.id, by, 'deny', 'no')).toThrow(/own request/);
    }
    const two = approvals.open(draft({ approvals: [{ group: 'dba', count: 2, policy: 'p' }] }));
    approvals.vote(two.id, person('r', ['dba'], { aliases: ['r@home.example'] }), 'approve', '');
    const twin = person('r2', ['dba'], { name: 'r@home.example' });
    expect(() => approvals.vote(two.id, twin, 'approve', '')).toThrow(expect.objectContaining({ code: 'conflict' }));
  });

  it('lets one member deny even after approvals', () => {
    const request = approvals.open(draft({ approvals: [{ group: 'dba', count: 3, policy: 'p' }] }));
    approvals.vote(request.id, reviewer, 'approve', '');
    expect(approvals.vote(request.id, reviewer, 'deny', 'changed my mind').state).toBe('denied');
  });
});

describe('races', () => {
  /** A store in which another gateway changes the request right before each of our first replaces. */
  const racing = (interfere: (() => void)[]): RequestStore => ({
    ...store.requests,
    replace(next, revision) {
      interfere.shift()?.();
      return store.requests.replace(next, revision);
    },
  });

  it('lets one of two callers spend an approval', () => {
    const request = approvals.open(draft());
    approvals.vote(request.id, reviewer, 'approve', '');
    const other = create(racing([() => void approvals.consume(request.id, draft())]));
    expect(() => other.consume(request.id, draft())).toThrow(expect.objectContaining({ code: 'conflict' }));
    other.close();
  });

  it('loses no vote when two people decide at once', () => {
    const request = approvals.open(draft({ approvals: [{ group: 'dba', count: 2, policy: 'p' }] }));
    const other = create(racing([() => void approvals.vote(request.id, reviewer, 'approve', 'a')]));
    expect(other.vote(request.id, reviewer2, 'approve', 'b').state).toBe('approved');
    expect(approvals.get(request.id)?.votes.map(({ comment }) => comment)).toEqual(['a', 'b']);
    other.close();
  });

  it('does not approve what was denied or cancelled in the same moment', () => {
    for (const end of [
      (id: string) => approvals.vote(id, reviewer2, 'deny', 'no'),
      (id: string) => approvals.cancel(id, engineer),
    ]) {
      const request = approvals.open(draft());
      const other = create(racing([() => void end(request.id)]));
      expect(() => other.vote(request.id, reviewer, 'approve', '')).toThrow(
        expect.objectContaining({ code: 'conflict' }),
      );
      expect(approvals.get(request.id)?.state).not.toBe('approved');
      other.close();
    }
  });
});

describe('time', () => {
  it('expires on reading, and then cannot be decided or used', () => {
    const request = approvals.open(draft());
    now += expireMs - 1;
    expect(approvals.get(request.id)?.state).toBe('pending');
    now += 1;
    expect(approvals.get(request.id)?.state).toBe('expired');
    expect(() => approvals.vote(request.id, reviewer, 'approve', '')).toThrow(
      expect.objectContaining({ code: 'request_expired' }),
    );
    expect(() => approvals.consume(request.id, draft())).toThrow(expect.objectContaining({ code: 'request_expired' }));
  });

  it('gives an approval its own time to be used, and no more', () => {
    const request = approvals.open(draft());
    now += expireMs - 1;
    expect(approvals.vote(request.id, reviewer, 'approve', '').expiresAt).toBe(now + expireMs);
    now += expireMs;
    expect(() => approvals.consume(request.id, draft())).toThrow(expect.objectContaining({ code: 'request_expired' }));
  });

  it('wakes for the earliest request, once', async () => {
    approvals.open(draft());
    now += 10_000;
    const later = approvals.open(draft({ parameters: [] }));
    expect(timers.map(({ ms }) => ms)).toEqual([expireMs - 10_000]);
    const settled = approvals.settled(later.id, never);
    now += expireMs - 10_000;
    timers[0]?.wake();
    expect(changes).toEqual(['pending', 'pending', 'expired']);
    now += 10_000;
    timers[0]?.wake();
    expect((await settled).state).toBe('expired');
    expect(timers).toEqual([]);
  });

  it('shows expired requests as such in lists', () => {
    approvals.open(draft());
    now += expireMs;
    expect(approvals.list({ state: 'pending' })).toEqual([]);
    expect(approvals.list({ state: 'expired' })).toHaveLength(1);
  });
});

describe('waiting', () => {
  it('resolves at the decision, not at a vote that leaves it open', async () => {
    const request = approvals.open(draft({ approvals: [{ group: 'dba', count: 2, policy: 'p' }] }));
    let result: ApprovalRequest | null = null;
    const waiting = approvals.settled(request.id, never).then((settled) => (result = settled));
    approvals.vote(request.id, reviewer, 'approve', '');
    await Promise.resolve();
    expect(result).toBeNull();
    approvals.vote(request.id, reviewer2, 'approve', '');
    expect((await waiting).state).toBe('approved');
    expect((await approvals.settled(request.id, never)).state).toBe('approved');
  });

  it('rejects with the reason of its signal, also when that came first', async () => {
    const request = approvals.open(draft());
    const gone = new AbortController();
    const waiting = approvals.settled(request.id, gone.signal);
    gone.abort(new Error('client gone'));
    await expect(waiting).rejects.toThrow('client gone');
    await expect(approvals.settled(request.id, gone.signal)).rejects.toThrow('client gone');
  });

  it('ends every wait when the gateway stops, and leaves the request as it is', async () => {
    const request = approvals.open(draft());
    const waiting = approvals.settled(request.id, never);
    approvals.close();
    await expect(waiting).rejects.toMatchObject({ code: 'unavailable' });
    expect(store.requests.get(request.id)?.state).toBe('pending');
    expect(timers).toEqual([]);
  });
});

describe('a restart', () => {
  it('keeps requests of no session and cancels those whose session is gone', () => {
    const held = approvals.open(draft());
    const free = approvals.open(draft({ session: null }));
    approvals.close();
    store.close();
    store = openStore(join(directory, 'state.db'));
    approvals = create();
    expect(approvals.get(free.id)).toEqual(free);
    expect(approvals.cancelOrphans()).toBe(1);
    expect(approvals.get(held.id)?.state).toBe('cancelled');
    // Whoever comes back for it reads what became of it, and how to ask so that no restart takes it.
    expect(() => approvals.consume(held.id, draft())).toThrow(
      expect.objectContaining({
        code: 'conflict',
        message:
          'The request was cancelled: the gateway was started again, and the connection in which it waited is gone.',
        details: expect.objectContaining({
          next: [
            expect.objectContaining({ command: `sluice requests show ${held.id}` }),
            expect.objectContaining({ command: 'sluice requests create demo-db …' }),
          ],
        }) as unknown,
      }),
    );
    expect(approvals.vote(free.id, reviewer, 'approve', '').state).toBe('approved');
    expect(approvals.consume(free.id, draft())).toEqual(['dba']);
  });

  it('says that the gateway was upgraded where the same has come to mean something else by that', () => {
    const objects = ['table public.orders (oid 1)'];
    const asked = draft({ session: null, objects });
    const { id } = approvals.open(asked);
    approvals.vote(id, reviewer, 'approve', '');
    const moved = [
      { ...asked, objects: ['table public.orders (oid 1, read more closely)'] },
      { ...asked, effects: ['delete on table demo-db/shop/public/orders', 'fires a trigger'] },
    ];
    for (const subject of moved)
      expect(() => approvals.consume(id, subject)).toThrow(/^The database has changed since this was approved: /);
    approvals.close();
    version = '1.1.0';
    approvals = create();
    for (const subject of moved)
      expect(() => approvals.consume(id, subject)).toThrow(
        /^The gateway was upgraded since this was approved, from 1\.0\.0 to 1\.1\.0, and .*: ask again\.$/,
      );
    // What is another request was so before, and what is the same still runs.
    expect(() => approvals.consume(id, { ...asked, parameters: ['8', null] })).toThrow(/another identity, target/);
    expect(approvals.consume(id, asked)).toEqual(['dba']);
  });

  it('lists newest first, by state and requester, within the limit', () => {
    for (let index = 0; index < 5; index++) {
      now += 1;
      approvals.open(draft({ parameters: [String(index)] }));
    }
    approvals.open(draft({ principal: stranger }));
    const mine = approvals.list({ requester: engineer.id, limit: 3 });
    expect(mine.map(({ parameters }) => parameters[0])).toEqual(['4', '3', '2']);
    expect(approvals.list({})).toHaveLength(6);
    expect(approvals.list({ state: 'denied' })).toEqual([]);
  });
});
