import { join } from 'node:path';
import { newId } from '../../../src/lib/ids.js';
import { openRecorder } from '../../../src/recording/recorder.js';
import type { OpenEvent, RecordingMode, SessionEvent } from '../../../src/recording/events.js';
import type { SessionRecorder } from '../../../src/recording/events.js';

/** A commit that had returned; operation 0 is the opening. */
export interface Confirmed {
  readonly session: string;
  /** Relative to the recordings folder. */
  readonly path: string;
  readonly op: number;
}

const at = Date.UTC(2026, 2, 1, 9, 30);

function opening(mode: RecordingMode): OpenEvent {
  return {
    ...{ type: 'open', at, session: newId('ses'), mode, policyVersion: 'v1', reason: null },
    identity: { subject: 'u1', name: 'engineer', kind: 'human', issuer: 'https://issuer.example', groups: [] },
    client: { address: '127.0.0.1', application: 'psql', via: 'tunnel' },
    target: { name: 'demo-db', kind: 'postgres', labels: {} },
  };
}

/** Some of everything that a gateway writes: a start, sessions in both modes, a new key, ends, a stop, a second start. */
export async function workThrough(stateDir: string, confirm: (confirmed: Confirmed) => void): Promise<void> {
  const options = { dir: join(stateDir, 'recordings'), keysDir: join(stateDir, 'keys'), gateway: 'gateway-1' };
  const small = { ...options, reserveBytes: 4096, schedule: () => () => undefined };
  const recorder = await openRecorder(small);
  const strict = await begin(recorder, opening('strict'), confirm);
  const durable = await begin(recorder, opening('durable'), confirm);
  for (let op = 1; op <= 2; op++) {
    await run(strict, op, confirm);
    await run(durable, op, confirm);
  }
  await recorder.rotateKey();
  await run(strict, 3, confirm);
  const young = await begin(recorder, opening('strict'), confirm);
  await run(young, 1, confirm);
  await strict.recorder.close('client closed', '');
  await recorder.close();
  const again = await openRecorder(small);
  const late = await begin(again, opening('durable'), confirm);
  await run(late, 1, confirm);
  await again.close();
}

interface Running {
  readonly recorder: SessionRecorder;
  readonly path: string;
}

async function begin(
  recorder: Awaited<ReturnType<typeof openRecorder>>,
  open: OpenEvent,
  confirm: (confirmed: Confirmed) => void,
): Promise<Running> {
  const session = { recorder: await recorder.openSession(open), path: `2026-03-01/${open.session}.journal` };
  confirm({ session: open.session, path: session.path, op: 0 });
  return session;
}

async function run({ recorder, path }: Running, op: number, confirm: (confirmed: Confirmed) => void): Promise<void> {
  const text = `select ${op} /* ${'x'.repeat(200)} */`;
  const event: SessionEvent = {
    ...{ type: 'operation', at, op, kind: 'query', text, parameters: [], effects: [], fault: null },
  };
  recorder.append(event);
  await recorder.commit();
  confirm({ session: recorder.session, path, op });
}
