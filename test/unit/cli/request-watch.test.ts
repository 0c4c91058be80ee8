import { expect, it } from 'vitest';
import { requestText } from '../../../src/cli/request-text.js';
import { moved, waitingText } from '../../../src/cli/request-watch.js';
import { Output } from '../../../src/cli/output.js';
import type { ApiRequestReview } from '../../../src/client/api-review-types.js';
import type { ApiRequest } from '../../../src/client/api-request-types.js';

const silent = { write: () => true };
const out = new Output({
  ...{ stdout: silent, stderr: silent, json: false, quiet: false },
  ...{ color: 'never', noColor: true, forceColor: false },
});
const request: ApiRequest = {
  ...{
    id: 'req_1',
    state: 'pending',
    target: 'db-prod',
    requester: 'ann',
    requester_kind: 'human',
    text_masked: false,
  },
  ...{ text: 'delete from orders where id = 7', parameters: [], effects: ['delete on table x'], policies: ['writes'] },
  ...{
    message: 'ask',
    reason: 'INC-42',
    required: [{ group: 'dba', count: 1, have: 0 }],
    votes: [],
    session_id: null,
    client: null,
  },
  ...{ created_at: '2026-11-26T10:00:00.000Z', expires_at: '2026-11-26T10:10:00.000Z', decided_at: null, digest: 'd' },
  ...{ access: null, reuse: { allowed_ms: 1_800_000, until: null, uses: 0, revoked: null }, reuse_of: null },
  ...{ outcome: null, history: [{ at: 'then', from: null, to: 'pending', by: 'ann', note: '', via: null }] },
};
const now = Date.parse('2026-11-26T10:05:30.000Z');
const look = { now, width: 100, lines: 10, end: 'q' as const, paint: (_style: unknown, text: string) => text };

it('shows what waits, most urgent first, with the time left, in the lines there are', () => {
  const later = { ...request, id: 'req_2', expires_at: '2026-11-26T10:20:00.000Z', text: 'select \u001b[2J 1' };
  const text = waitingText([later, request], look);
  expect(text.split('\n')[1]).toMatch(/^req_1 +4:30 +db-prod +ann +0\/1 @dba +delete from orders/);
  expect(text).toMatch(/req_2 +14:30/);
  expect(text).not.toContain('\u001b');
  const many = Array.from({ length: 30 }, (_, index) => ({ ...request, id: `req_${index}` }));
  const cut = waitingText(many, look);
  expect(cut.split('\n').length).toBeLessThanOrEqual(10);
  expect(cut).toContain('… and 24 more');
  expect(waitingText([], look)).toMatch(/^Nothing waits .*\(q ends\)/);
});

it('tells each request once as it is, and again when it has moved', () => {
  const seen = new Map<string, string>();
  const old: ApiRequest = { ...request, id: 'req_0', state: 'executed' };
  expect(moved([request, old], seen, true)).toEqual([request]);
  expect(moved([request, old], seen, false)).toEqual([]);
  const approved: ApiRequest = { ...request, state: 'approved' };
  expect(moved([approved, old], seen, false)).toEqual([approved]);
});

it('shows a reviewer the statement laid out and as sent, its size, and what came of the like of it', () => {
  const review: ApiRequestReview = {
    pretty: 'delete from orders\nwhere id = 7',
    tables: [
      { name: 'public.orders', rows: '4000' },
      { name: 'public.items', rows: null },
    ],
    estimated_rows: '1',
    alike: {
      ...{ total: 2, approved: 1, denied: 0 },
      latest: [
        {
          ...{ id: 'req_9', state: 'executed', requester: 'ann', same_requester: true, exactly_alike: true },
          ...{ created_at: 'before', votes: [{ name: 'bob', decision: 'approve', comment: 'ok', at: 'then' }] },
        },
      ],
    },
  };
  const text = requestText(request, out, review);
  for (const part of [
    'tables     public.orders (about 4000 rows), public.items (never counted)',
    "estimate   about 1 row, by the target's planner",
    'text\n  delete from orders\n  where id = 7\nas sent\n  delete from orders where id = 7',
    'like it    2 before, 1 approved, 0 denied',
    'before  req_9  executed  ann  same text  by bob "ok"',
    'may stand  for 30:00 (approve --for)',
  ])
    expect(text).toContain(part);
});

it('names what reads as something else, and shows it as no other name does', () => {
  const beware = { ...request, text: 'delete from \u043erders where id = $1', parameters: ['p\u0430y'] };
  const text = requestText({ ...beware, effects: ['delete on table shop/public/\u043erders'] }, out);
  expect(text).toContain('beware     \\u{43e}rders is not "orders": U+043E\n');
  expect(text).toContain('beware     p\\u{430}y is not "pay": U+0430\n');
  expect(text).toContain('  delete from \\u{43e}rders where id = $1\n');
  expect(text).toContain("$1 = 'p\\u{430}y'");
  expect(text).not.toMatch(/[\u0430\u043e]/);
  expect(waitingText([beware], look)).toContain('delete from \\u{43e}rders');
  expect(requestText(request, out)).not.toContain('beware');
});
