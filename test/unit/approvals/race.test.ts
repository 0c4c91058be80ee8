import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'libsql';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createApprovals } from '../../../src/approvals/approvals.js';
import type { RequestSubject } from '../../../src/approvals/types.js';
import { openStore } from '../../../src/store/open.js';
import { sqliteRequests } from '../../../src/store/requests.js';

const work = fileURLToPath(new URL('./spend-work.ts', import.meta.url));
const requests = 40;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-race-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const principal = { id: 'idp#ann', name: 'ann', kind: 'human', issuer: 'idp', mfa: false, groups: [] } as const;
const reviewer = { id: 'idp#bea', name: 'bea', kind: 'human', issuer: 'idp', mfa: false, groups: ['dba'] } as const;
const subject: RequestSubject = { principal, target: 'db', text: 'delete from t', parameters: [], effects: ['delete'] };

async function message(child: ChildProcess): Promise<unknown> {
  const [said]: unknown[] = await once(child, 'message');
  return said;
}

it('lets one of three processes on one store spend each approval, and only once', async () => {
  const path = join(directory, 'state.db');
  openStore(path).close(); // makes the tables; a gateway proper keeps the file for itself
  const database = new Database(path, { timeout: 20_000 });
  database.exec('PRAGMA journal_mode = WAL');
  const approvals = createApprovals({
    store: sqliteRequests(database),
    now: Date.now,
    version: '1.0.0',
    expireMs: 600_000,
  });
  const ids = Array.from({ length: requests }, (_, index) => {
    const { id } = approvals.open({
      ...subject,
      approvals: [{ group: 'dba', count: 1, policy: 'p' }],
      policies: ['p'],
      message: '',
      reason: null,
      session: `ses_${index}`,
    });
    approvals.vote(id, reviewer, 'approve', '');
    return id;
  });

  const gateways = Array.from({ length: 3 }, () => fork(work, [path], { execArgv: ['--import', 'tsx'] }));
  try {
    for (const gateway of gateways) gateway.send({ ids, subject });
    expect(await Promise.all(gateways.map(message))).toEqual(['ready', 'ready', 'ready']);
    const answers = gateways.map(message);
    for (const gateway of gateways) gateway.send('go');
    const told = (await Promise.all(answers)) as readonly { won: readonly string[]; refused: readonly string[] }[];
    expect(told.flatMap(({ won }) => won).sort()).toEqual([...ids].sort());
    expect(told.flatMap(({ refused }) => refused)).toHaveLength(2 * requests);
    for (const id of ids) {
      const { state, history } = approvals.get(id) ?? {};
      expect([state, history?.map(({ to }) => to)]).toEqual(['executed', ['pending', 'approved', 'executed']]);
    }
  } finally {
    for (const gateway of gateways) gateway.kill();
    approvals.close();
    database.close();
  }
}, 60_000);
