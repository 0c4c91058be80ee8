import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { listenOnPort } from '../../../src/agent/stable-ports.js';
import { serveTunnel } from '../../../src/agent/tunnel.js';
import { SluiceClient } from '../../../src/client/api.js';
import { Transport } from '../../../src/client/transport.js';
import { startTestGateway, type TestGateway } from '../../support/gateway.js';
import type { TestPostgresOptions } from '../../support/postgres.js';
import { fillLab, labSchema, masks, protectedColumns } from './lab-schema.js';
import { worlds } from './canaries.js';

/** A database with secrets in it, and the two ways there: past the gateway, and through it as an insider. */
export interface Lab {
  readonly directUri: string;
  /** Through a gateway whose policy holds or denies what the starter bundle does. */
  readonly insiderUri: string;
  /** Through a gateway whose policy permits all but inference, the unknown and seeing values. Null when there is none. */
  readonly trustedUri: string | null;
  /** As trusted, and inference is permitted too: values must still come masked. Null when there is none. */
  readonly inferringUri: string | null;
  /** The server's. */
  readonly major: number;
  /** Runs SQL as superuser, past the gateway. */
  direct(sql: string): Promise<readonly Record<string, unknown>[]>;
  /** Waits until no session but the suite's own is left in the database. */
  deserted(): Promise<void>;
  /** Loads the rows of one of the two worlds, once nobody is in the database any more. */
  enter(world: 0 | 1): Promise<void>;
  /** What the database is once nobody is in it any more, in one string: rows, objects and settings, secrets included. */
  fingerprint(): Promise<string>;
  /** The query behind it, for transactions that are not committed. */
  readonly fingerprintSql: string;
  /** The gateway that the suite itself has started. */
  readonly own: TestGateway | null;
  close(): Promise<void>;
}

export interface LabOptions extends Pick<TestPostgresOptions, 'major'> {
  /** Options of CREATE DATABASE for the one that the suite makes. */
  readonly database?: string;
}

/**
 * Opens the lab. `SLUICE_TEST_DIRECT_URI` (a superuser, in a database of the suite's own: it is emptied) and
 * `SLUICE_TEST_URI` (the same database through the gateway under test) name a gateway to attack; the columns of
 * `protectedColumns` must be classified there, with the masks of `masks`, and its role must be able to do what it is
 * asked. `SLUICE_TEST_TRUSTED_URI` may name a second target with a permissive policy, `SLUICE_TEST_INFERRING_URI` a third one
 * that permits inference as well. Unset: the suite starts its own.
 */
export async function openLab(options: LabOptions = {}): Promise<Lab> {
  const { SLUICE_TEST_URI: insider, SLUICE_TEST_DIRECT_URI: direct, SLUICE_TEST_TRUSTED_URI: trusted } = process.env;
  if (insider !== undefined && direct !== undefined)
    return await prepare({
      ...{ directUri: direct, insiderUri: insider, trustedUri: trusted ?? null },
      ...{ inferringUri: process.env['SLUICE_TEST_INFERRING_URI'] ?? null, own: null, undo: [] },
    });
  return await ownLab(options);
}

interface Parts {
  readonly directUri: string;
  readonly insiderUri: string;
  readonly trustedUri: string | null;
  readonly inferringUri: string | null;
  readonly own: TestGateway | null;
  readonly undo: (() => Promise<void>)[];
}

async function prepare({ directUri, insiderUri, trustedUri, inferringUri, own, undo }: Parts): Promise<Lab> {
  const admin = new pg.Client({ connectionString: directUri });
  admin.on('error', () => undefined);
  await admin.connect();
  undo.push(() => admin.end());
  const direct = async (sql: string): Promise<readonly Record<string, unknown>[]> => {
    const result: unknown = await admin.query(sql);
    const last = (Array.isArray(result) ? result.at(-1) : result) as pg.QueryResult<Record<string, unknown>>;
    return last.rows;
  };
  const deserted = async (): Promise<void> => {
    const end = performance.now() + patienceMs;
    for (;;) {
      const still = await direct(visitorsSql);
      if (still.length === 0) return;
      if (performance.now() > end) throw new Error(`sessions that do not end: ${JSON.stringify(still)}`);
      await sleep(5);
    }
  };
  const enter = async (world: 0 | 1): Promise<void> => {
    await deserted();
    for (const sql of fillLab(worlds[world])) await direct(sql);
  };
  const major = await majorOf(direct);
  if (own === null) await direct(`drop schema public cascade; create schema public; ${labSchema(major)}`);
  await enter(0);
  return {
    directUri,
    insiderUri,
    trustedUri,
    inferringUri,
    own,
    major,
    direct,
    deserted,
    enter,
    fingerprintSql,
    async fingerprint() {
      await deserted();
      return String((await direct(fingerprintSql))[0]?.['mark']);
    },
    async close() {
      for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
    },
  };
}

async function majorOf(direct: Lab['direct']): Promise<number> {
  const [server] = await direct("select current_setting('server_version_num')::int / 10000 as major");
  return Number(server?.['major']);
}

/**
 * Sessions that are not the suite's own. A client's end is not yet its session's: the server notices it later, and what a
 * rollback or the end takes away stands until then. The gateway's own connection for its looks at the catalog stays.
 */
const visitorsSql = `select pid, application_name, state, query from pg_stat_activity
  where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
  and not (application_name = 'sluice catalog' and state = 'idle')`;
const patienceMs = 60_000;

const tables = [
  'users',
  'orders',
  'ledger',
  'lookup',
  'named',
  'archive',
  'staff',
  'wallets',
  'cards',
  'vip_users',
  'users_kept',
];
const fingerprintSql = `select md5(concat_ws('|',
  ${tables.map((table) => `(select string_agg(t::text, ';' order by t::text) from ${table} t)`).join(',\n  ')},
  (select string_agg(concat(oid, relname, relkind, reloptions, relacl), ';' order by oid) from pg_class where relnamespace = 'public'::regnamespace),
  (select string_agg(concat(attrelid, attname, attnum), ';' order by attrelid, attnum) from pg_attribute a join pg_class c on c.oid = attrelid where relnamespace = 'public'::regnamespace),
  (select string_agg(concat(oid, proname, prosrc, proacl), ';' order by oid) from pg_proc where oid >= 16384 and pronamespace::regnamespace::text !~ '^pg_temp'),
  (select string_agg(concat(t.oid, tgname), ';' order by t.oid) from pg_trigger t join pg_class c on c.oid = tgrelid where relpersistence <> 't'),
  (select string_agg(concat(r.oid, rulename), ';' order by r.oid) from pg_rewrite r join pg_class c on c.oid = ev_class where r.oid >= 16384 and relpersistence <> 't'),
  (select string_agg(concat(setdatabase, setrole, setconfig), ';' order by setdatabase, setrole) from pg_db_role_setting),
  (select string_agg(concat(rolname, rolsuper, rolcanlogin, rolpassword), ';' order by rolname) from pg_authid),
  (select string_agg(oid::text, ';' order by oid) from pg_largeobject_metadata),
  (select string_agg(concat(nspname, nspacl), ';' order by oid) from pg_namespace where nspname !~ '^pg_(toast_)?temp'),
  (select string_agg(slot_name, ';') from pg_replication_slots), (select string_agg(extname, ';') from pg_extension),
  (select string_agg(gid, ';') from pg_prepared_xacts),
  (select concat(last_value, is_called) from ledger_id_seq))) as mark`;

async function ownLab({ database = '', ...options }: LabOptions): Promise<Lab> {
  const gateway = await startTestGateway(options);
  const undo: (() => Promise<void>)[] = [() => gateway.stop()];
  try {
    const password = 'lab-owner-password';
    await gateway.direct(`create role lab_owner superuser login password '${password}'`);
    await gateway.direct(`create database lab owner lab_owner ${database}`);
    const directUri = `postgresql://lab_owner:${password}@127.0.0.1:${gateway.postgresPort}/lab`;
    const admin = new pg.Client({ connectionString: directUri });
    await admin.connect();
    await admin.query(labSchema(await majorOf(gateway.direct)));
    await admin.end();
    await call(gateway, 'reviewer2', 'PUT', '/v1/secrets/lab', { value: password });
    const { files } = (await call(gateway, 'reviewer', 'GET', '/v1/bundle')) as { files: Record<string, string> };
    await call(gateway, 'reviewer', 'POST', '/v1/bundle', {
      files: labBundle(files, gateway.postgresPort),
      dry_run: false,
      message: 'lab',
    });
    const open = async (target: string): Promise<string> => {
      const client = new SluiceClient({
        gateway: gateway.url,
        transport: new Transport({ caFile: null, proxy: null }),
        tokens: { get: () => gateway.token('engineer'), renew: () => Promise.resolve(null) },
      });
      const tunnel = await serveTunnel({
        target,
        listen: (server) => listenOnPort(server, 0),
        dial: (passwordVerifier, signal) => client.openTunnel(target, { passwordVerifier, reason: null }, signal),
      });
      undo.push(() => tunnel.close());
      return `postgresql://sluice:${tunnel.password}@127.0.0.1:${tunnel.port}/${target}?sslmode=disable`;
    };
    const insiderUri = await open('lab');
    const trustedUri = await open('lab-trusted');
    const inferringUri = await open('lab-inferring');
    return await prepare({ directUri, insiderUri, trustedUri, inferringUri, own: gateway, undo });
  } catch (error) {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
    throw error;
  }
}

async function call(
  gateway: TestGateway,
  user: 'reviewer' | 'reviewer2',
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const answer = await gateway.call(user, method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** The starter bundle with the lab in it. The lab's role is a superuser and no detector looks: only the promise protects. */
function labBundle(files: Record<string, string>, port: number): Record<string, string> {
  const target = (name: string, env: string): string => `  - name: ${name}
    kind: postgres
    address: 127.0.0.1:${port}
    database: lab
    username: lab_owner
    secret: vault:lab
    tls: { mode: disable }
    labels: { env: ${env}, team: lab }
    recording: strict
`;
  const classes = Object.entries(masks).map(([name, mask]) => `  lab-${name}: { mask: ${mask} }`);
  const columns = Object.entries(protectedColumns).map(
    ([column, name]) => `  - { target: "lab*", column: ${column}, class: lab-${name} }`,
  );
  return {
    ...files,
    'targets.yaml': `${files['targets.yaml'] ?? ''}${target('lab', 'demo')}${target('lab-trusted', 'lab')}${target('lab-inferring', 'inferring')}`,
    'classification.yaml': `classes:\n${classes.join('\n')}\ncolumns:\n${columns.join('\n')}\ndetectors: {}\n`,
    'policies/lab.cedar': `
@id("lab-trusted")
permit (principal in Group::"engineers", action in [Action::"session", Action::"read", Action::"write", Action::"define"], resource in Label::"team=lab")
unless { resource in Label::"env=demo" };
@id("lab-inference")
permit (principal in Group::"engineers", action == Action::"infer", resource in Label::"env=inferring");
@id("lab-pure-functions")
permit (principal in Group::"engineers", action == Action::"callFunction", resource in Label::"team=lab")
when { !(resource in Label::"env=demo") && ["immutable", "stable"].contains(context.volatility) };
`,
    'policies/guardrails.cedar': (files['policies/guardrails.cedar'] ?? '')
      .replace(
        'forbid (principal, action == Action::"drop", resource);',
        'forbid (principal, action == Action::"drop", resource in Label::"env=demo");',
      )
      .replace(
        'forbid (principal, action == Action::"truncate", resource);',
        'forbid (principal, action == Action::"truncate", resource in Label::"env=demo");',
      )
      .replace(
        'forbid (principal, action in [Action::"update", Action::"delete"], resource)\nunless',
        'forbid (principal, action in [Action::"update", Action::"delete"], resource in Label::"env=demo")\nunless',
      )
      .replaceAll(
        'forbid (principal, action == Action::"infer", resource)',
        'forbid (principal, action == Action::"infer", resource) unless { resource in Label::"env=inferring" }',
      ),
  };
}
