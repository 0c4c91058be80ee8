import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { newId } from '../../../src/lib/ids.js';
import { BufferPool } from '../../../src/recording/chain.js';
import type { OpenEvent, SessionEvent } from '../../../src/recording/events.js';
import { Journal, type JournalServices, syncTogether } from '../../../src/recording/journal.js';
import { keyId } from '../../../src/recording/keys.js';
import { Pulse } from '../../../src/recording/pulse.js';
import { openRecorder } from '../../../src/recording/recorder.js';
import { DiskReserve } from '../../../src/recording/reserve.js';
import type { PublicKeys, SigningKey } from '../../../src/recording/signing.js';
import type { GatewayRecorder, RecorderOptions, Schedule } from '../../../src/recording/types.js';

export const startOfTime = Date.UTC(2026, 2, 1, 9, 30);

export async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-recording-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export function opening(change: Partial<OpenEvent> = {}): OpenEvent {
  return {
    type: 'open',
    at: startOfTime,
    session: newId('ses'),
    identity: {
      subject: 'u1',
      name: 'engineer',
      kind: 'human',
      issuer: 'https://issuer.example',
      groups: ['engineers'],
    },
    client: { address: '127.0.0.1', application: 'psql', via: 'tunnel' },
    target: { name: 'demo-db', kind: 'postgres', labels: { env: 'demo' } },
    mode: 'strict',
    policyVersion: 'v1',
    reason: null,
    ...change,
  };
}

/** What one statement leaves in a journal. */
export function statement(op: number, text: string, change: { error?: string; verdict?: 'allow' | 'deny' } = {}) {
  const at = startOfTime + op * 1000;
  const events: SessionEvent[] = [
    {
      ...{ type: 'operation', at, op, kind: 'query', text, parameters: ['42', null], fault: null },
      effects: ['select on table demo-db/shop/public/customers'],
    },
    {
      ...{ type: 'decision', at: at + 1, op, verdict: change.verdict ?? 'allow', policies: ['readers'], message: '' },
      ...{ policyVersion: 'v1', request: null },
    },
  ];
  if (change.error !== undefined) {
    events.push({ type: 'error', at: at + 5, op, decider: 'target', code: '42P01', message: change.error });
  } else if (change.verdict !== 'deny') {
    events.push({
      ...{ type: 'result', at: at + 5, op, tag: 'SELECT 2', rowCount: 2, byteCount: 30, truncated: false },
      digest: 'ab'.repeat(32),
    });
  }
  return events;
}

/** Timers that run when the test says so. */
export class ManualTime {
  now = startOfTime;
  readonly #tasks = new Set<() => void>();
  readonly clock = (): number => this.now;
  readonly schedule: Schedule = (task) => {
    this.#tasks.add(task);
    return () => this.#tasks.delete(task);
  };
  fire(): void {
    const tasks = [...this.#tasks];
    this.#tasks.clear();
    for (const task of tasks) task();
  }
}

export interface Keys {
  readonly signing: SigningKey;
  readonly trusted: PublicKeys;
}

export function newKeys(): Keys {
  const { privateKey } = generateKeyPairSync('ed25519');
  const publicKey = createPublicKey(privateKey);
  const id = keyId(publicKey);
  return { signing: { id, privateKey }, trusted: new Map([[id, publicKey]]) };
}

export function journalServices(
  dir: string,
  keys: Keys,
  change: Partial<JournalServices> = {},
): JournalServices & { time: ManualTime } {
  const time = new ManualTime();
  const reserve = new DiskReserve(join(dir, 'reserve'), 4096);
  reserve.take();
  return {
    ...{ key: keys.signing, gateway: 'gateway-1', pool: new BufferPool(), reserve, clock: time.clock, time },
    unsynced: new Pulse<Journal>(time.schedule, 50, syncTogether),
    unsigned: new Pulse<Journal>(time.schedule, 1000, (journals) => {
      for (const journal of journals) journal.checkpoint();
    }),
    ...change,
  };
}

/** A small, closed journal in a file. */
export async function writeJournal(dir: string, keys: Keys, open: OpenEvent = opening()): Promise<string> {
  const path = join(dir, `${open.session}.journal`);
  const journal = await Journal.create(open, { ...journalServices(dir, keys), path });
  for (const event of statement(1, 'select * from customers')) journal.append(event);
  journal.flush();
  journal.checkpoint();
  for (const event of statement(2, 'select 2')) journal.append(event);
  journal.flush();
  await journal.end({ type: 'end', at: startOfTime + 9000, reason: 'client closed', detail: '' });
  return path;
}

export interface TestRecorder {
  readonly recorder: GatewayRecorder;
  readonly problems: string[];
  readonly options: RecorderOptions;
}

/** A whole recorder in `stateDir`, closed when the test ends. */
export async function startRecorder(stateDir: string, change: Partial<RecorderOptions> = {}): Promise<TestRecorder> {
  const problems: string[] = [];
  const options: RecorderOptions = {
    ...{ dir: join(stateDir, 'recordings'), keysDir: join(stateDir, 'keys'), gateway: 'gateway-1' },
    reserveBytes: 64 * 1024,
    onProblem: (message) => problems.push(message),
    ...change,
  };
  const recorder = await openRecorder(options);
  onTestFinished(() => recorder.close());
  return { recorder, problems, options };
}

/** A recorded and closed session; returns its id. */
export async function recordSession(
  recorder: GatewayRecorder,
  statements: readonly (readonly SessionEvent[])[],
  open: OpenEvent = opening(),
): Promise<string> {
  const session = await recorder.openSession(open);
  for (const events of statements) {
    for (const event of events) session.append(event);
    await session.commit();
  }
  await session.close('client closed', '');
  return open.session;
}
