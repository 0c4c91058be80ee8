import { LiveSessions } from '../../src/sessions/session.js';
import type { Duplex } from 'node:stream';
import { createPostgresAnalyser } from '../../src/analysis/postgres.js';
import { duplexPair } from '../../src/lib/duplex-pair.js';
import { loadBundle } from '../../src/policy/bundle.js';
import { narrowClassification } from '../../src/policy/classification.js';
import { compilePolicies } from '../../src/policy/decide.js';
import { createPostgresService } from '../../src/protocols/postgres/service.js';
import { cString, int32 } from '../../src/protocols/postgres/frames.js';
import type { SessionEvent, SessionRecorder } from '../../src/recording/events.js';
import type { TargetConfig } from '../../src/sessions/types.js';
import { SluiceError } from '../../src/lib/errors.js';
import { shopCatalog } from '../unit/analysis/shop.js';

/** What one session recorded, in memory, and how much of it counts as written. */
export interface Journal {
  /** The session's id, which its target sees as "sluice ID" for its application. */
  readonly session: string;
  readonly events: readonly SessionEvent[];
  /** Events committed so far: what a server has heard must be among them. */
  readonly committed: number;
  readonly ended: string | null;
}

/** The PostgreSQL engine with the real analyser and policy, in front of any server; no HTTP, no files. */
export interface TestEngine {
  /** A client's connection, startup packet not yet sent. `served` resolves when the session is over. */
  connect(): { readonly stream: Duplex; readonly served: Promise<void> };
  readonly journals: readonly Journal[];
  /** OID of a table of the shop, as the gateway believes it. */
  oidOf(table: string): number;
  stop(): Promise<void>;
}

const policies = `
@id("all") permit (principal, action, resource) unless { action in Action::"reveal" };
@id("no-delete") forbid (principal, action == Action::"delete", resource);
@id("no-drop") forbid (principal, action == Action::"drop", resource);
`;
const classification = `
classes: { email: { mask: email }, card: { mask: last4 } }
columns:
  - { column: public.customers.email, class: email }
  - { column: "*.*.card_number", class: card }
detectors: { email: mask, card: mask, token: mask }
`;

/** Starts one in front of the server at `port`, which the gateway takes for the demo shop. */
export async function startEngine(port: number): Promise<TestEngine> {
  const target: TargetConfig = {
    name: 'demo-db',
    kind: 'postgres',
    labels: {},
    host: '127.0.0.1',
    port,
    database: 'shop',
    tls: { mode: 'disable', ca: null },
    username: 'gateway',
    recording: 'strict',
    readSecret: () => Promise.resolve('secret of the target'),
  };
  const loaded = loadBundle(
    new Map([
      [
        'targets.yaml',
        `targets: [{ name: demo-db, kind: postgres, address: "127.0.0.1:${port}", database: shop, username: gateway, secret: "vault:x", tls: { mode: disable } }]\n`,
      ],
      ['classification.yaml', classification],
      ['bindings.yaml', 'groups: { a: }\n'],
      ['policies/test.cedar', policies],
    ]),
  );
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const { bundle } = loaded;
  const compiled = compilePolicies(bundle);
  const catalog = shopCatalog();
  const analyser = createPostgresAnalyser({ workers: 1 });
  const journals: MemoryJournal[] = [];
  const none = (): never => {
    throw new SluiceError('unavailable', 'nothing is approved here');
  };
  const service = createPostgresService({
    recorder: {
      openSession: (open) => {
        const journal = new MemoryJournal(open.session);
        journals.push(journal);
        return Promise.resolve(journal);
      },
    },
    approvals: {
      open: none,
      get: none,
      list: none,
      settled: none,
      vote: none,
      cancel: none,
      revoke: none,
      votesNow: none,
      consume: none,
      finish: none,
      preparedEnded: () => undefined,
      close: none,
    },
    policies: () => compiled,
    now: Date.now,
    live: new LiveSessions(),
    analyser,
    readCatalog: () => Promise.resolve(catalog),
    readCatalogMark: () => Promise.resolve('never another'),
    uptime: () => 0,
    narrow: narrowClassification,
    copiedColumns: { list: () => [], ofIdentity: () => [], save: () => undefined, remove: () => undefined },
    hashKey: Buffer.alloc(32, 7),
    log: () => undefined,
  });
  const handle = await analyser.loadCatalog(catalog, narrowClassification(bundle.classification, target));
  await analyser.analyse('select 1', handle);
  return {
    journals,
    oidOf: (table) => catalog.relations.find(({ name }) => name === table)?.oid ?? 0,
    connect() {
      const [near, far] = duplexPair();
      near.on('error', () => undefined);
      const served = service.serve(
        {
          stream: far,
          principal: { id: 'test#ada', name: 'ada', kind: 'human', issuer: 'test', mfa: false, groups: ['a'] },
          target,
          classification: bundle.classification,
          origin: {
            address: '127.0.0.1',
            via: 'tunnel',
            passwordVerifier: null,
            reason: null,
            approvedRequest: null,
            waitForApproval: false,
          },
        },
        new AbortController().signal,
      );
      return { stream: near, served };
    },
    async stop() {
      await analyser.close();
    },
  };
}

/** StartupMessage of protocol 3.0 with these parameters. */
export function startupPacket(
  parameters: Readonly<Record<string, string>> = { user: 'ada', database: 'demo-db' },
): Buffer {
  const fields = Object.entries(parameters).flatMap(([name, value]) => [cString(name), cString(value)]);
  const body = Buffer.concat([int32(196_608), ...fields, Buffer.from([0])]);
  return Buffer.concat([int32(body.length + 4), body]);
}

class MemoryJournal implements Journal, SessionRecorder {
  readonly mode = 'strict';
  readonly events: SessionEvent[] = [];
  committed = 0;
  ended: string | null = null;

  constructor(readonly session: string) {}

  append(event: SessionEvent): void {
    this.events.push(event);
  }
  commit(): void {
    this.committed = this.events.length;
  }
  close(reason: string, detail: string): Promise<void> {
    this.commit();
    this.ended ??= detail === '' ? reason : `${reason}: ${detail}`;
    return Promise.resolve();
  }
}
