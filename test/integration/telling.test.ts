import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { accessDocument } from '../../src/gateway/schemas/access.js';
import { starterBundle } from '../../src/quickstart/bundle.js';
import { emailSchema } from '../../src/signals/email.js';
import { keptFiles } from '../support/kept-files.js';
import { MailServer, mailCa, mailPassword } from '../support/mail-server.js';
import { type GatewayUnderTest, startTestGateway } from './gateway-harness.js';

/** A sink that was away is tried again within a minute at the latest; here it is half a second after a start. */
const patience = { timeout: 20_000, interval: 20 };

let running: GatewayUnderTest;
let mail: MailServer;
let log = '';

const access = `  guests:
access:
  guests:
    for: [engineers]
    approvers: { dba: 1 }
    max: 4h
    emergency: { for: [engineers], max: 30m, reviewers: [reviewers] }
`;
function bundle(): ReadonlyMap<string, string> {
  const files = new Map(starterBundle({ pgPort: 1 }));
  return files.set('bindings.yaml', `${files.get('bindings.yaml') ?? ''}${access}`);
}

beforeAll(async () => {
  mail = await MailServer.start();
  const email = emailSchema.parse({
    ...{ type: 'email', server: `127.0.0.1:${mail.port}`, ca: mailCa, username: 'sluice', secret: 'vault:smtp' },
    ...{ from: 'sluice@corp.example', to: ['dba@corp.example'], link: 'https://sluice.example/r/{request_id}' },
  });
  running = await startTestGateway({
    bundle: bundle(),
    bootstrap: { audit: { sinks: [email] } },
    log: pino({ level: 'debug' }, { write: (line: string) => void (log += line) }),
  });
}, 60_000);
afterAll(async () => {
  await running.stop();
  await mail.stop();
});

async function ask(more: object = {}): Promise<string> {
  const body = { name: 'guests', duration_ms: 60_000, reason: 'the password is hunter2', ...more };
  const asked = await running.call('POST', '/v1/access', { as: 'engineer', body });
  const { request, grant } = accessDocument.parse(asked.document);
  return request?.id ?? grant?.id ?? '';
}
/** Mails as they came, lines that were broken for the way made whole. */
const sources = () => mail.mails.map(({ source }) => source.replace(/=\r\n/g, '').replace(/\r\n(?= )/g, '')).join('\n');

it('keeps what cannot be sent on the disk, over a restart, until the vault has the credentials', async () => {
  const id = await ask();
  await expect.poll(() => log, patience).toContain('audit events do not reach email-');
  await running.restart();
  expect(mail.mails).toEqual([]);
  await running.gateway.setSecret('smtp', mailPassword);
  await expect.poll(() => mail.mails.length, patience).toBeGreaterThan(0);
  expect(sources()).toContain('engineer@demo.example asks for membership in guests');
  expect(sources()).toContain(`sluice requests show ${id}`);
  expect(sources()).toContain(`https://sluice.example/r/${id}`);
  expect(mail.mails[0]).toMatchObject({ user: 'sluice', secure: true, to: ['dba@corp.example'] });
});

it('tells how it was decided, and of broken glass', async () => {
  const id = await ask({ duration_ms: 70_000 });
  await running.call('POST', `/v1/requests/${id}/deny`, { as: 'reviewer', body: { comment: 'not with hunter2' } });
  // What happens within a moment is one mail.
  await expect.poll(sources, patience).toContain(`reviewer@demo.example denied ${id} for guests`);
  await ask({ emergency: true });
  await expect.poll(sources, patience).toMatch(/engineer@demo\.example BROKE THE GLASS: in guests until/);
});

it('leaves neither the password nor anybody’s reason in mails, logs or the state directory’s spool', async () => {
  expect(sources()).not.toContain('hunter2');
  const kept = [...keptFiles(join(running.stateDir, 'audit'))].map(({ bytes }) => bytes.toString());
  expect(kept.length).toBeGreaterThan(0);
  expect(mail.passwords).toContain(mailPassword); // the control: it was used
  for (const text of [log, sources(), ...kept]) expect(text).not.toContain(mailPassword);
});
