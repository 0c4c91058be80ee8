import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Audit, auditActions } from '../../../src/gateway/audit.js';
import { Auditing } from '../../../src/gateway/auditing.js';
import { Oversight } from '../../../src/gateway/oversight.js';
import { gatewayEventIds, sessionEventIds } from '../../../src/signals/audit-event.js';
import { openStore } from '../../../src/store/open.js';
import { opening, startRecorder, statement, tempDir } from '../recording/support.js';

it('tells after a crash what the journals and the trail hold beyond what was told', async () => {
  const dir = await tempDir();
  const file = join(dir, 'audit.jsonl');
  const store = openStore(join(dir, 'state.db'));
  const audit = new Audit(store.audit, Date.now, store.transactions);
  const begin = (oversight: Oversight): Auditing =>
    new Auditing({
      ...{ stateDir: dir, gateway: 'gateway-1', sinks: [{ type: 'file', path: file }], clock: Date.now },
      ...{
        trail: store.audit,
        audit,
        oversight,
        telling: {
          mask: (text) => text,
          readSecret: () => Promise.reject(new Error('none')),
          write: () => Promise.resolve(),
        },
        onProblem: () => undefined,
      },
    });
  const oversight = new Oversight();
  let deaf = false;
  const first = await startRecorder(dir, { onEvent: (id, event) => (deaf ? undefined : oversight.observe(id, event)) });
  const auditing = begin(oversight);
  await auditing.start(first.recorder);
  const open = opening();
  const session = await first.recorder.openSession(open);
  for (const event of statement(1, 'select 1')) session.append(event);
  deaf = true; // from here on the process is as good as dead to its sinks
  for (const event of statement(2, 'select 2')) session.append(event);
  void session.commit();
  await first.recorder.close();
  await auditing.close();
  audit.onRecord(() => undefined);
  audit.record('gateway', 'secret.set', 'demo-db');

  const second = await startRecorder(dir);
  const later = begin(new Oversight());
  await later.start(second.recorder);
  await later.close();
  const lines = (await readFile(file, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  interface Line {
    readonly sequence: number;
    readonly event: string;
    readonly session: string | null;
    readonly source_sequence: number;
    readonly detail: { readonly text?: string };
  }
  expect(lines.map(({ sequence }) => sequence)).toEqual(lines.map((_, index) => index + 1));
  const told = lines.filter(({ session: id }) => id === open.session);
  expect(told.map(({ event, source_sequence: number, detail }) => [number, event, detail.text ?? null])).toEqual([
    [1, 'session.opened', null],
    [2, 'operation.allowed', 'select 1'],
    [3, 'operation.completed', null],
    [4, 'operation.allowed', 'select 2'],
    [5, 'operation.completed', null],
    [6, 'session.ended', null],
  ]);
  expect(lines.map(({ event }) => event)).toContain('secret.set');
  store.close();
});

it('has every event in the documented catalogue', async () => {
  const catalogue = await readFile(new URL('../../../docs/audit-events.md', import.meta.url), 'utf8');
  const known = [...sessionEventIds, ...gatewayEventIds, ...auditActions];
  expect(known.filter((id) => !catalogue.includes(`\`${id}\``))).toEqual([]);
});
