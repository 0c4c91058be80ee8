import { createPostgresAnalyser } from '../src/analysis/postgres.js';
import { plainFacts } from '../src/analysis/effects.js';
import { createRowMasker } from '../src/masking/row-masker.js';
import { loadBundle } from '../src/policy/bundle.js';
import { compilePolicies } from '../src/policy/decide.js';
import { int16, int32 } from '../src/protocols/postgres/frames.js';
import { openRecorder } from '../src/recording/recorder.js';
import { starterBundle } from '../src/quickstart/bundle.js';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { round } from './stats.js';

/** Microseconds a call, over enough calls to settle. */
async function perCall(calls: number, run: (i: number) => unknown): Promise<number> {
  for (let i = 0; i < Math.min(calls, 200); i++) await run(-1 - i);
  const started = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) {
    const waited = run(i);
    if (waited instanceof Promise) await waited;
  }
  return round(Number(process.hrtime.bigint() - started) / 1000 / calls);
}

/** The parts of one statement's time in the gateway, each alone; by a share of the calls where it must be quick. */
export async function measureParts(share = 1): Promise<Readonly<Record<string, number>>> {
  const analyser = createPostgresAnalyser({});
  const catalog = await analyser.loadCatalog(
    {
      serverMajor: 15,
      database: 'bench',
      currentUser: 'bench',
      searchPath: ['public'],
      relations: [],
      functions: [],
      inherits: [],
    },
    { target: 'bench', columns: [] },
  );
  const analysed = await perCall(share * 500, (i) => analyser.analyse(`select ${i} as n`, catalog));
  await analyser.analyse('select 1 as n', catalog);
  const cached = await perCall(share * 200_000, () => analyser.cached('select 1 as n', catalog));
  await analyser.close();

  const loaded = loadBundle(starterBundle({ pgPort: 5432 }));
  if (!loaded.ok) throw new Error('the starter bundle does not load');
  const policies = compilePolicies(loaded.bundle);
  const principal = {
    id: 'p',
    name: 'engineer',
    kind: 'human',
    issuer: 'i',
    mfa: false,
    groups: ['engineers'],
  } as const;
  const effects = [
    { action: 'select', resource: { type: 'Table', path: ['demo-db', 'shop', 'public', 'orders'] }, facts: plainFacts },
  ] as const;
  const target = { name: 'demo-db', kind: 'postgres', labels: { env: 'demo' } };
  const ask = {
    principal,
    target,
    effects,
    approvals: [],
    session: { rowsRead: 0, bytesRead: 0, statements: 0, seconds: 0 },
    reason: null,
  };
  const decided = await perCall(share * 200_000, () => policies.decide(ask));
  const judged = await perCall(share * 500, () => policies.judge(ask));

  const row = dataRow(['7', 'user7@shop.example', 'note on order 71']);
  const masker = createRowMasker(
    [
      { name: 'id', typeOid: 20, format: 0, treatment: { kind: 'clear' } },
      { name: 'email', typeOid: 25, format: 0, treatment: { kind: 'class', class: 'email', masker: 'email' } },
      { name: 'note', typeOid: 25, format: 0, treatment: { kind: 'clear' } },
    ],
    { email: 'mask', card: 'mask', 'private-key': 'mask', token: 'mask' },
    Buffer.alloc(32),
  );
  const masked = await perCall(share * 100_000, () => masker?.maskRow(row));
  return {
    analysis_uncached: analysed,
    analysis_cached: cached,
    decision_uncached: judged,
    decision_cached: decided,
    masking_row: masked,
    journal_statement: await journal(),
  };
}

/** A DataRow payload of text values. */
function dataRow(values: readonly string[]): Buffer {
  const cells = values.map((value) => Buffer.concat([int32(Buffer.byteLength(value)), Buffer.from(value)]));
  return Buffer.concat([int16(values.length), ...cells]);
}

/** Four events and two commits in strict mode: what one statement writes. */
async function journal(): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-bench-journal-'));
  const recorder = await openRecorder({
    dir: join(dir, 'recordings'),
    keysDir: join(dir, 'keys'),
    indexPath: join(dir, 'index.db'),
    gateway: 'bench',
  });
  try {
    const session = await recorder.openSession({
      type: 'open',
      at: Date.now(),
      session: 'ses_0000000000000000',
      identity: { subject: 's', name: 'n', kind: 'human', issuer: 'i', groups: [] },
      client: { address: '127.0.0.1', application: 'bench', via: 'tunnel' },
      target: { name: 'bench', kind: 'postgres', labels: {} },
      mode: 'strict',
      policyVersion: 'v',
      reason: null,
    });
    const data = Buffer.alloc(11);
    const time = await perCall(20_000, (i) => {
      const at = Date.now();
      session.append({
        type: 'operation',
        at,
        op: i,
        kind: 'execute',
        text: 'select abalance from pgbench_accounts where aid = $1',
        parameters: ['7'],
        effects: ['select on table a/b/c/d'],
        fault: null,
      });
      session.append({
        type: 'decision',
        at,
        op: i,
        verdict: 'allow',
        policies: ['p'],
        message: '',
        policyVersion: 'v',
        request: null,
      });
      void session.commit();
      session.append({ type: 'rows', at, op: i, count: 1, data });
      session.append({
        type: 'result',
        at,
        op: i,
        tag: 'SELECT 1',
        rowCount: 1,
        byteCount: 11,
        truncated: false,
        digest: '',
      });
      void session.commit();
    });
    await session.close('client closed', '');
    return time;
  } finally {
    await recorder.close();
    await rm(dir, { recursive: true, force: true });
  }
}
