import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

const tls = (name: string): string => fileURLToPath(new URL(`../unit/client/tls/${name}`, import.meta.url));
/** The authority of the server's certificate, which is for 127.0.0.1 and localhost. */
export const mailCa = tls('cert.pem');
export const mailPassword = 'correct horse battery staple';

export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: string | null;
  readonly secure: boolean;
  /** Headers and text, as they came. */
  readonly source: string;
}

/** A real mail server that keeps what it gets. */
export class MailServer {
  readonly mails: Mail[] = [];
  /** What was tried as a password, right or wrong. */
  readonly passwords: string[] = [];
  /** Answers of the server to the next messages, instead of taking them. */
  refusals: string[] = [];
  readonly port: number;
  readonly #server: SMTPServer;

  private constructor(server: SMTPServer, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(options: SMTPServerOptions = {}, host = '127.0.0.1', port = 0): Promise<MailServer> {
    let keep: MailServer | null = null;
    const server = new SMTPServer({
      ...{ key: readFileSync(tls('key.pem')), cert: readFileSync(tls('cert.pem')), logger: false, authOptional: true },
      onAuth: ({ username, password }, _session, done) => {
        keep?.passwords.push(String(password));
        if (password === mailPassword) done(null, { user: String(username) });
        else done(new Error(`no such login: ${username} ${password}`));
      },
      onRcptTo: ({ address }, _session, done) =>
        address.startsWith('gone@') ? done(Object.assign(new Error('nobody here'), { responseCode: 550 })) : done(),
      onData: (stream, session, done) => {
        let source = '';
        stream.on('data', (chunk: Buffer) => (source += chunk.toString('utf8')));
        stream.on('end', () => {
          const refusal = keep?.refusals.shift();
          if (refusal !== undefined) return done(Object.assign(new Error(refusal), { responseCode: 451 }));
          const { mailFrom, rcptTo } = session.envelope;
          keep?.mails.push({
            ...{ from: mailFrom === false ? '' : mailFrom.address, to: rcptTo.map(({ address }) => address) },
            ...{ user: session.user ?? null, secure: session.secure, source: decoded(source) },
          });
          return done();
        });
      },
      ...options,
    });
    server.on('error', () => undefined); // a client that does not trust us hangs up
    await new Promise<void>((resolve) => server.listen(port, host, resolve));
    keep = new MailServer(server, (server.server.address() as AddressInfo).port);
    return keep;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

/** RFC 2045 6.7, as far as our own messages use it. */
function decoded(source: string): string {
  const unfolded = source.replace(/=\r\n/g, '');
  return unfolded.replace(/=([0-9A-F]{2})/g, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
