import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent } from '../../../src/signals/audit-event.js';
import { errorDocument } from '../../../src/gateway/schemas/error.js';
import { execDocument } from '../../../src/gateway/schemas/exec.js';
import { requestDocument, type RequestSummary } from '../../../src/gateway/schemas/requests.js';
import { starterBundle } from '../../../src/quickstart/bundle.js';
import { seedShop } from '../../../src/quickstart/seed.js';
import { smallShop } from '../../../src/quickstart/shop-rows.js';
import {
  type ApiAnswer,
  type GatewayUnderTest,
  type Role,
  startTestGateway,
  type TokenClaims,
} from '../../integration/gateway-harness.js';
import { startPostgres, type TestPostgres, type TestPostgresOptions } from '../../support/postgres.js';

/** Holds besides the starter's: one that wants two people of two groups and a reason. */
const policies = `
@id("two-people")
@approval("dba:1, reviewers:1")
@requires("reason")
@message("New products need two people.")
forbid (principal, action == Action::"insert", resource in Label::"env=demo")
when { resource is Table && resource.name == "products" }
unless { context.approvals.containsAll(["dba", "reviewers"]) };
`;
const tokenSeconds = 21_600;

/** For what happens in other processes, on a machine that may be busy. */
export const patience = { timeout: 60_000, interval: 50 };

/** Is held for approval, and tells by the stock of its product how often it has run. */
export const more = (product: number): string => `update products set stock = stock + 1 where id = ${product}`;

/** A shop behind a gateway, with a clock that can be put forward. */
export interface ApprovalLab {
  readonly running: GatewayUnderTest;
  readonly server: TestPostgres;
  /** Puts the gateway's clock forward. */
  pass(ms: number): void;
  /** The stock of a product, asked past the gateway: every execution adds one. */
  stock(product: number): Promise<number>;
  psql(role: Role, args: readonly string[]): Promise<Psql>;
  exec(text: string, more?: Readonly<Record<string, unknown>>, role?: Role): Promise<ApiAnswer>;
  /** Opens a request by running something that is held, without waiting. */
  held(text: string, more?: Readonly<Record<string, unknown>>, role?: Role): Promise<string>;
  vote(id: string, decision: 'approve' | 'deny', role: Role, claims?: TokenClaims): Promise<ApiAnswer>;
  request(id: string, role?: Role): Promise<RequestSummary>;
  token(role: Role, claims?: TokenClaims): Promise<string>;
  /** Everything that the gateway has told its audit sink so far. */
  trail(): Promise<readonly AuditEvent[]>;
  stop(): Promise<void>;
}

/** `morePolicies` stand beside the starter's and those above; `options`: of the server. */
export async function openApprovalLab(morePolicies = '', options: TestPostgresOptions = {}): Promise<ApprovalLab> {
  const dir = await mkdtemp(join(tmpdir(), 'sluice-approved-'));
  const server = await startPostgres(options);
  const { password } = await seedShop(server, { dir, size: smallShop });
  const trail = join(dir, 'audit.jsonl');
  let ahead = 0;
  const running = await startTestGateway({
    clock: () => Date.now() + ahead,
    bundle: new Map([...starterBundle({ pgPort: server.port }), ['policies/four.cedar', policies + morePolicies]]),
    bootstrap: {
      audit: { sinks: [{ type: 'file', path: trail }] },
      listeners: { postgres: { host: '127.0.0.1', port: 0, tls: null }, ssh: null },
    },
  });
  await running.gateway.setSecret('demo-db', password);
  const token = (role: Role, claims: TokenClaims = {}): Promise<string> =>
    running.token(role, { expiresInSeconds: tokenSeconds, ...claims });
  const exec: ApprovalLab['exec'] = async (text, more = {}, role = 'engineer') =>
    running.call('POST', '/v1/exec', { token: await token(role), body: { target: 'demo-db', text, ...more } });
  return {
    running,
    server,
    token,
    exec,
    pass: (ms) => void (ahead += ms),
    async stock(product) {
      const [row] = await server.query(`select stock from products where id = ${product}`, 'shop');
      return Number(row?.['stock']);
    },
    psql: async (role, args) => new Psql(running.gateway.postgresPort ?? 0, await token(role), args),
    async held(text, more, role) {
      const answer = await exec(text, more, role);
      const { code, request_id: id } = errorDocument.parse(answer.document).error;
      if (code !== 'approval_pending' || id === null) throw new Error(answer.text);
      return id;
    },
    vote: async (id, decision, role, claims) =>
      running.call('POST', `/v1/requests/${id}/${decision}`, {
        token: await token(role, claims),
        body: { comment: decision === 'deny' ? 'not on a Friday' : 'looked at it' },
      }),
    async request(id, role = 'reviewer') {
      const answer = await running.call('GET', `/v1/requests/${id}`, { token: await token(role) });
      return requestDocument.parse(answer.document).request;
    },
    async trail() {
      const lines = (await readFile(trail, 'utf8')).split('\n').filter((line) => line !== '');
      return lines.map((line) => JSON.parse(line) as AuditEvent);
    },
    async stop() {
      await running.stop();
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** The real client, held or not. */
export class Psql {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
  #out = '';
  #err = '';
  #heard: () => void = () => undefined;

  constructor(port: number, password: string, args: readonly string[]) {
    const env = { PGHOST: '127.0.0.1', PGPORT: String(port), PGUSER: 'me', PGPASSWORD: password };
    this.#child = spawn('psql', ['-X', '-A', '-t', ...args], {
      env: { PATH: process.env['PATH'] ?? '', PGDATABASE: 'demo-db', PGSSLMODE: 'disable', LC_ALL: 'C.UTF-8', ...env },
    });
    this.#child.stdin.on('error', () => undefined).end();
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#out += text));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#err += text;
      this.#heard();
    });
    this.ended = once(this.#child, 'close').then(([code]: unknown[]) => {
      this.#heard();
      return { code: typeof code === 'number' ? code : null, out: this.#out, err: this.#err };
    });
  }

  /** The request that a NOTICE names, the next one behind `after`; throws when psql ends without one. */
  async request(after?: string): Promise<string> {
    const since = after === undefined ? '' : `${after}[\\s\\S]*?`;
    const [, id = ''] = await this.says(new RegExp(`${since}Request (req_(?!${after?.slice(4) ?? ' '})\\w+)`));
    return id;
  }

  /** Resolves once stderr shows it; throws when psql ends without. */
  async says(wanted: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = wanted.exec(this.#err);
      if (found !== null) return found;
      if (this.#child.exitCode !== null) throw new Error(`psql ended unheld: ${this.#out}${this.#err}`);
      await new Promise<void>((resolve) => (this.#heard = resolve));
    }
  }

  signal(signal: 'SIGINT' | 'SIGKILL'): void {
    this.#child.kill(signal);
  }
}

/** The error of an API answer. */
export function errorOf(answer: ApiAnswer) {
  return { status: answer.status, ...errorDocument.parse(answer.document).error };
}

export function resultOf(answer: ApiAnswer) {
  if (answer.status !== 200) throw new Error(answer.text);
  return execDocument.parse(answer.document);
}
