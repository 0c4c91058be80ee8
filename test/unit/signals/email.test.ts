import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { emailSchema, mailNotices } from '../../../src/signals/email.js';
import { MailServer, mailCa, mailPassword } from '../../support/mail-server.js';

const servers: MailServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function serve(...args: Parameters<typeof MailServer.start>): Promise<MailServer> {
  const server = await MailServer.start(...args);
  servers.push(server);
  return server;
}

const held = {
  ...{ schema: 'sluice.audit/v1', sequence: 7, event: 'operation.held', at: '2026-01-07T12:00:00Z' },
  ...{
    severity: 'notice',
    outcome: 'held',
    actor: { id: 'idp#ann', name: 'ann\r\nBcc: eve@x.example', kind: 'human' },
  },
  ...{ session: 'ses_1', target: 'db', object: null, op: 3 },
  detail: {
    ...{ kind: 'query', text: "delete from people where ssn = '123-45-6789' -- hunter2", text_truncated: false },
    ...{ effects: ['delete on table db/shop/public/people'], policies: ['prod-writes'] },
    ...{ message: "value '123-45-6789' is wrong", reason: 'hunter2', request_id: 'req_1' },
  },
};
type Event = Readonly<Record<string, unknown>> & { readonly sequence: number };

const problems: string[] = [];
const telling = {
  gateway: 'https://sluice.example',
  mask: (text: string) => text.replaceAll('people', 'p*****'),
  readSecret: (reference: string) =>
    reference === 'vault:smtp' ? Promise.resolve(`${mailPassword}\n`) : Promise.resolve('wrong password'),
  onProblem: (message: string) => void problems.push(message),
};

function config(server: MailServer | { readonly port: number }, more: object = {}) {
  return emailSchema.parse({
    ...{ type: 'email', server: `127.0.0.1:${server.port}`, ca: mailCa, username: 'sluice', secret: 'vault:smtp' },
    ...{ from: 'sluice@corp.example', to: ['dba@corp.example'] },
    ...more,
  });
}
function send(configuration: ReturnType<typeof config>, events: readonly Event[] = [held], signal?: AbortSignal) {
  const lines = events.map((event) => ({ sequence: event.sequence, line: JSON.stringify(event) }));
  return mailNotices(configuration, lines, telling, signal ?? new AbortController().signal);
}

describe('the connection', () => {
  it('is TLS before the password goes out, by STARTTLS or from the first byte', async () => {
    const upgraded = await serve();
    const encrypted = await serve({ secure: true });
    await send(config(upgraded));
    await send(config(encrypted, { tls: 'tls', server: `localhost:${encrypted.port}` }));
    for (const { mails } of [upgraded, encrypted])
      expect(mails).toMatchObject([
        { from: 'sluice@corp.example', to: ['dba@corp.example'], user: 'sluice', secure: true },
      ]);
  });

  it('is not made with a server that nobody vouches for, or that is another', async () => {
    const server = await serve();
    await expect(send(config(server, { ca: null }))).rejects.toThrow(/self-signed|certificate/);
    const elsewhere = await serve({}, '127.0.0.2');
    await expect(send(config(elsewhere, { server: `127.0.0.2:${elsewhere.port}` }))).rejects.toThrow(/altname|IP/i);
    const first = await serve({ secure: true }, '127.0.0.2');
    const direct = { server: `127.0.0.2:${first.port}`, tls: 'tls' };
    await expect(send(config(first, direct))).rejects.toThrow(/altname|IP/i);
    expect([server, elsewhere, first].flatMap(({ mails, passwords }) => [...mails, ...passwords])).toEqual([]);
  });

  it('does not fall back to clear text where the server, or somebody in between, takes STARTTLS away', async () => {
    const server = await serve({ hideSTARTTLS: true, allowInsecureAuth: true });
    const cut = await serve({ disabledCommands: ['STARTTLS'], allowInsecureAuth: true });
    await expect(send(config(server)).then(() => 'sent')).resolves.toBe('sent'); // hidden, and demanded all the same
    expect(server.mails).toMatchObject([{ secure: true }]);
    await expect(send(config(cut))).rejects.toThrow(/STARTTLS/);
    expect([...cut.mails, ...cut.passwords]).toEqual([]);
  });

  it('is cut when the gateway stops, however long the server thinks', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const stop = new AbortController();
    silent.once('connection', () => stop.abort());
    await expect(send(config(silent.address() as AddressInfo), [held], stop.signal)).rejects.toThrow(/stops/);
    await new Promise<void>((resolve) => silent.close(() => resolve()));
  });

  it('says no password in an error, not even when the server repeats it', async () => {
    const server = await serve();
    const error = await send(config(server, { secret: 'vault:other' })).catch((thrown: unknown) => thrown);
    expect(server.passwords).toContain('wrong password');
    expect(String(error)).toMatch(/answered 535/);
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('wrong password');
  });
});

describe('the message', () => {
  it('tells who, what and where to look, and no literal, no comment, no reason', async () => {
    const server = await serve();
    await send(config(server, { statements: true, link: 'https://sluice.example/r/{request_id}?by={user}' }));
    const [{ source } = { source: '' }] = server.mails;
    expect(source).toContain('waits for approval: delete on table db/shop/public/people');
    expect(source).toContain('delete from p***** where ssn = ?');
    expect(source).toContain('sluice requests show req_1');
    expect(source).toContain('https://sluice.example/r/req_1?by=');
    for (const secret of ['123-45-6789', 'hunter2']) expect(source).not.toContain(secret);
  });

  it('lets no name add a header or a line', async () => {
    const server = await serve();
    await send(config(server, { subject: '{user} asks', template: '{user}' }));
    const [{ source, to } = { source: '', to: [] }] = server.mails;
    expect(source).toMatch(/^Subject: ann Bcc: eve@x\.example asks\r$/m);
    expect(source).not.toMatch(/^Bcc:/im);
    expect(to).toEqual(['dba@corp.example']);
  });

  it('has the same id when it is sent again, and comes as one for many notices', async () => {
    const server = await serve();
    server.refusals = ['try later'];
    const two = [held, { ...held, sequence: 8 }];
    await expect(send(config(server), two)).rejects.toThrow(/answered 451/);
    await send(config(server), two);
    await send(config(server), two);
    const ids = server.mails.map(({ source }) => /^Message-ID: (.*)\r$/im.exec(source)?.[1]);
    expect(new Set(ids).size).toBe(1);
    expect(server.mails[0]?.source).toContain('Subject: [Sluice] 2 notices');
  });

  it('reaches those that the server takes, and says whom it does not', async () => {
    const server = await serve();
    problems.length = 0;
    await send(config(server, { to: ['dba@corp.example', 'gone@corp.example'] }));
    expect(server.mails).toMatchObject([{ to: ['dba@corp.example'] }]);
    expect(problems).toEqual([expect.stringMatching(/refused to deliver to gone@corp\.example/)]);
  });
});

it('is refused in the configuration without TLS, without a secret to its name, or with an unknown variable', () => {
  const issues = (more: object) =>
    emailSchema.safeParse({ ...config({ port: 25 }), ...more }).error?.issues[0]?.message;
  expect(issues({ tls: 'none', server: 'mail.example:25' })).toMatch(/without TLS only a server on this machine/);
  expect(issues({ tls: 'none', server: '127.0.0.1:25' })).toBeUndefined();
  expect(issues({ secret: null })).toMatch(/go together/);
  expect(issues({ secret: 'hunter2' })).toMatch(/vault:NAME/);
  expect(issues({ template: 'for {reason}' })).toMatch(/\{reason\} is no variable/);
  expect(issues({ subject: 'a\nb' })).toMatch(/one line/);
  expect(issues({ link: 'javascript:alert(1)' })).toMatch(/http\(s\) URL/);
  expect(issues({ to: ['a@b.example, c@d.example'] })).toMatch(/address/);
});
