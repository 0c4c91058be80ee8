import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect, isIP, type Socket } from 'node:net';
import { z } from 'zod';
import { channelShape, type Lines, noticesFor, type Telling } from './channel.js';
import type { Notice } from './notice.js';
import { isLoopback } from './receiver-url.js';
import { fill, oneLine, templateSchema, valuesOf } from './template.js';

const idleMs = 20_000;
const maxShown = 20;

const address = z
  .string()
  .max(320)
  .regex(/^[^\s@<>,;"()]+@[^\s@<>,;"()]+$/, 'an address is name@domain');
const secretReference = z
  .string()
  .regex(/^(vault|env|file):[^\0]{1,4096}$/, 'a secret is named as vault:NAME, env:NAME or file:PATH');

/** People told by e-mail, over a mail server that one has. */
export const emailSchema = z
  .strictObject({
    type: z.literal('email'),
    server: z.string().regex(/^(?:\[[0-9a-fA-F:]+\]|[^\s:/[\]]+):\d{1,5}$/, 'a mail server is host:port'),
    /** `starttls` is demanded, not tried; `tls` from the first byte; `none` on this machine alone. */
    tls: z.enum(['starttls', 'tls', 'none']).default('starttls'),
    /** A file with the certificate authority that the server's certificate is of; null: those of the system. */
    ca: z.string().nullable().default(null),
    username: z.string().min(1).nullable().default(null),
    secret: secretReference.nullable().default(null),
    from: address,
    to: z.array(address).min(1).max(50),
    /** The subject of one notice, and the text of each. */
    subject: templateSchema
      .refine((text) => !text.includes('\n'), 'a subject is one line')
      .default('[Sluice] {summary}'),
    template: templateSchema.default('{summary}\n  {statement}\n  {look}\n  {link}\n  {at}, {event}'),
    ...channelShape,
  })
  .refine(({ username, secret }) => (username === null) === (secret === null), {
    message: 'a username and its secret go together',
  })
  .refine(({ tls, server }) => tls !== 'none' || isLoopback(hostOf(server)), {
    message: 'without TLS only a server on this machine is spoken to',
  });
export type EmailConfig = z.infer<typeof emailSchema>;

/** Sends what of these events is wanted, in one message; throws when the server did not take it: all is brought again. */
export async function mailNotices(
  config: EmailConfig,
  lines: Lines,
  telling: Telling,
  signal: AbortSignal,
): Promise<void> {
  const notices = noticesFor(config, lines, telling);
  if (notices.length === 0) return;
  const { from, to } = config;
  const { subject, text } = wordsOf(config, notices, telling.gateway);
  const options = await connectionOptions(config, telling);
  const { createTransport } = await import('nodemailer');
  const sockets = new Set<Socket>();
  const host = hostOf(config.server);
  const port = Number(config.server.slice(config.server.lastIndexOf(':') + 1));
  const transport = createTransport({
    ...{ host, port, ...options, disableFileAccess: true, disableUrlAccess: true },
    ...{ greetingTimeout: idleMs, socketTimeout: idleMs },
    // A connection of our own, which can be cut when the gateway stops.
    getSocket: (_options, done) => {
      const socket = connect({ host, port, timeout: idleMs });
      sockets.add(socket);
      socket.once('error', (error) => done(error));
      socket.once('timeout', () => socket.destroy(new Error('the mail server does not answer')));
      socket.once('connect', () => done(null, { connection: socket }));
    },
  });
  const cut = (): void => sockets.forEach((socket) => socket.destroy(new Error('the gateway stops')));
  signal.addEventListener('abort', cut, { once: true });
  try {
    signal.throwIfAborted();
    const messageId = messageIdOf(notices, telling.gateway, from);
    const headers = { 'Auto-Submitted': 'auto-generated' }; // RFC 3834: nobody's absence note answers
    const sent = await transport.sendMail({ from: `Sluice <${from}>`, to, subject, text, messageId, headers });
    if (sent.rejected.length > 0)
      telling.onProblem(`${config.server} refused to deliver to ${sent.rejected.map(String).join(', ')}`, null);
  } catch (error) {
    throw explained(error, config.server);
  } finally {
    signal.removeEventListener('abort', cut);
    transport.close();
    cut();
  }
}

function wordsOf({ subject, template }: EmailConfig, notices: readonly Notice[], gateway: string) {
  const shown = notices.slice(0, maxShown).map((notice) => fill(template, valuesOf(notice, gateway), oneLine));
  const more = notices.length - shown.length;
  const [only] = notices;
  const title =
    only !== undefined && notices.length === 1
      ? fill(subject, valuesOf(only, gateway), oneLine)
      : `[Sluice] ${notices.length} notices`;
  const text = [...shown, ...(more > 0 ? [`and ${more} more`] : []), `-- \n${gateway}`].join('\n\n');
  return { subject: title.slice(0, 200), text: `${text}\n` };
}

async function connectionOptions({ tls, ca, username, secret, server }: EmailConfig, { readSecret }: Telling) {
  const host = hostOf(server);
  const auth =
    username === null || secret === null ? {} : { auth: { user: username, pass: (await readSecret(secret)).trim() } };
  if (tls === 'none') return { ...auth, secure: false, ignoreTLS: true };
  return {
    ...auth,
    ...{ secure: tls === 'tls', requireTLS: tls === 'starttls' },
    tls: {
      ...{ minVersion: 'TLSv1.2' as const, rejectUnauthorized: true },
      // The name that is checked; an address has no SNI, and is checked as an address.
      ...(isIP(host) === 0 ? { servername: host } : { host }),
      ...(ca === null ? {} : { ca: await readFile(ca, 'utf8') }),
    },
  };
}

/** The same for what is sent again, so that a mailbox shows it once. */
function messageIdOf(notices: readonly Notice[], gateway: string, from: string): string {
  const numbers = notices.map(({ sequence }) => sequence).join(',');
  const digest = createHash('sha256').update(`${gateway} ${numbers}`).digest('hex').slice(0, 32);
  return `<${digest}@${from.slice(from.indexOf('@') + 1)}>`;
}

/** What a server answers may repeat what it was told, a password among it: only its code goes on. */
function explained(error: unknown, server: string): Error {
  const { responseCode, code, command, message } = error as Readonly<Record<string, unknown>>;
  const at = typeof command === 'string' ? ` to ${command.split(' ')[0]}` : '';
  if (typeof responseCode === 'number') return new Error(`${server} answered ${responseCode}${at}`);
  const why = typeof message === 'string' && code !== 'EAUTH' ? message : 'logging in failed';
  return new Error(`${server}: ${why}`);
}

function hostOf(server: string): string {
  return server.slice(0, server.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}
