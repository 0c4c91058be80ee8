import { beforeEach, describe, expect, it } from 'vitest';
import { ApprovedRuns, ObservedRecorder } from '../../../src/sessions/approved-runs.js';
import type { SessionEvent, SessionRecorder } from '../../../src/recording/events.js';

let told: string[];
let runs: ApprovedRuns;
beforeEach(() => {
  told = [];
  runs = new ApprovedRuns({
    finish: (id, { ok, detail }) => told.push(`${id} ${ok ? 'ok' : 'failed'}: ${detail}`),
    preparedEnded: () => undefined,
  });
});

const result = (op: number, tag: string): SessionEvent => ({
  ...{ type: 'result', at: 1, op, tag, rowCount: 1, byteCount: 1, truncated: false, digest: '' },
});
const error = (op: number | null, decider: 'target' | 'gateway' = 'target'): SessionEvent => ({
  ...{ type: 'error', at: 1, op, decider, code: '23505', message: 'unique_violation' },
});

describe('what runs under an approval', () => {
  it('ends as the target answers, and says nothing of other operations', () => {
    runs.spent(2, 'req_a');
    runs.observe(result(1, 'SELECT 1'));
    runs.observe(result(2, 'DELETE 1'));
    runs.observe(result(2, 'DELETE 5'));
    runs.observe(error(3));
    expect(told).toEqual(['req_a ok: DELETE 1']);
  });

  it('fails with an error of its own, after a result too', () => {
    runs.spent(2, 'req_a');
    runs.observe(result(2, 'DELETE 1'));
    runs.observe(error(2));
    expect(told).toEqual(['req_a ok: DELETE 1', 'req_a failed: 23505 unique_violation']);
  });

  it('takes an error of no operation for a check at commit of what was sent last', () => {
    runs.spent(2, 'req_a');
    runs.observe(error(null, 'gateway'));
    expect(told).toEqual([]);
    runs.observe(error(null));
    expect(told).toEqual(['req_a failed: 23505 unique_violation']);
  });

  it('does not take back what the target has done for an error that came later', () => {
    runs.spent(2, 'req_a');
    runs.observe(result(2, 'DELETE 1'));
    const goodbye = { ...error(null), code: '57P01', message: 'admin_shutdown' };
    runs.observe(goodbye);
    const later: SessionEvent = {
      ...{ type: 'operation', at: 1, op: 9, kind: 'query', text: 'commit', parameters: [], effects: [], fault: null },
    };
    runs.observe(later);
    runs.observe(error(null));
    expect(told).toEqual(['req_a ok: DELETE 1']);
  });

  it('fails what was undone with its transaction, with the refusal that undid it', () => {
    runs.spent(2, 'req_a');
    runs.spent(3, 'req_b');
    runs.observe(result(2, 'DELETE 1'));
    runs.transactionEnded(true);
    runs.observe(result(3, 'DELETE 2'));
    runs.transactionEnded(false);
    runs.spent(5, 'req_c');
    runs.observe(result(5, 'DELETE 3'));
    runs.observe(error(6));
    runs.transactionEnded(false);
    runs.transactionEnded(false);
    expect(told).toEqual([
      ...['req_a ok: DELETE 1', 'req_b ok: DELETE 2', 'req_b failed: its transaction was rolled back'],
      ...['req_c ok: DELETE 3', 'req_c failed: 23505 unique_violation; its transaction was rolled back'],
    ]);
  });

  it('fails what was never answered when the session ends, and only that', () => {
    runs.spent(2, 'req_a');
    runs.observe(result(2, 'DELETE 1'));
    runs.spent(3, 'req_b');
    runs.ended();
    expect(told[1]).toMatch(/^req_b failed: .*not known/);
    expect(told).toHaveLength(2);
  });

  it('is heard from what the session records, after it is recorded', () => {
    const recorded: SessionEvent[] = [];
    const recorder: SessionRecorder = {
      session: 'ses_1',
      mode: 'strict',
      append: (event) => {
        recorded.push(event);
        told.push('recorded');
      },
      commit: () => undefined,
      close: () => Promise.resolve(),
    };
    const observed = new ObservedRecorder(recorder, runs);
    observed.append(result(1, 'SELECT 1'));
    runs.spent(2, 'req_a');
    observed.append(result(2, 'DELETE 1'));
    expect(told).toEqual(['recorded', 'recorded', 'req_a ok: DELETE 1']);
    expect(recorded).toHaveLength(2);
  });
});
