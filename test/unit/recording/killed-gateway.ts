/** A gateway's recorder in a process of its own: commits one statement after another and says which, until it is killed. */
import { join } from 'node:path';
import { openRecorder } from '../../../src/recording/recorder.js';
import type { SessionEvent } from '../../../src/recording/events.js';

const [, , stateDir = '', session = ''] = process.argv;
const at = Date.now();
const recorder = await openRecorder({
  dir: join(stateDir, 'recordings'),
  keysDir: join(stateDir, 'keys'),
  gateway: 'gateway-1',
});
const recording = await recorder.openSession({
  ...{ type: 'open', at, session, mode: 'strict', policyVersion: 'v1', reason: null },
  identity: { subject: 'u1', name: 'engineer', kind: 'human', issuer: 'https://issuer.example', groups: [] },
  client: { address: '127.0.0.1', application: 'psql', via: 'tunnel' },
  target: { name: 'demo-db', kind: 'postgres', labels: {} },
});
for (let op = 1; ; op++) {
  const text = `select ${op} /* ${'x'.repeat(op % 3000)} */`;
  const event: SessionEvent = {
    ...{ type: 'operation', at, op, kind: 'query', text, parameters: [], effects: [], fault: null },
  };
  recording.append(event);
  await recording.commit();
  await new Promise((resolve) => process.stdout.write(`${op}\n`, resolve));
}
