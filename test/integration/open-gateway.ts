import pg from 'pg';
import { RawPostgres } from '../support/raw-postgres.js';
import { startPostgres, type TestPostgres, type TestPostgresOptions } from '../support/postgres.js';
import { startTestGateway } from './gateway-harness.js';

/** Where a client connects: PostgreSQL itself, or the gateway in front of it. */
export interface Address {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** A real PostgreSQL and a real gateway that permits everything on it: what differs between the two ways is our fault. */
export interface OpenGateway {
  readonly postgres: TestPostgres;
  readonly direct: (database: string) => Address;
  /** A target; without targets of their own, each is called as its database. */
  readonly through: (target: string) => Address;
  /** The gateway ends and starts again on the same state; `through` names its new address. */
  restart(): Promise<void>;
  /** What an administrator sees of a target. */
  describe(database: string): Promise<Readonly<Record<string, unknown>>>;
  /** Columns of a target that are protected now, copies included, as `schema.table.column`. */
  protectedColumns(database: string): Promise<readonly string[]>;
  stop(): Promise<void>;
}

const everything = '@id("everything")\npermit (principal, action, resource);\n';

/** What a test protects and forbids; without it nothing is. */
export interface Rules {
  readonly classification: string;
  readonly policies: string;
  /** Nobody is in a group without them. */
  readonly bindings?: string;
}

const noRules: Rules = { classification: 'classes: {}\ncolumns: []\ndetectors: {}\n', policies: everything };

/** A database by one of the addresses that it is reached at. */
export interface OpenTarget {
  readonly name: string;
  readonly address: string;
  readonly database: string;
}

export interface OpenGatewayOptions {
  readonly server?: TestPostgresOptions;
  /** The targets, where they are other than one a database; asked once the databases are there. */
  readonly targets?: (postgres: TestPostgres) => Promise<readonly OpenTarget[]>;
}

/** Starts both; each of `databases` is made empty and is a target of the same name. */
export async function startOpenGateway(
  databases: readonly string[],
  rules: Rules = noRules,
  options: OpenGatewayOptions = {},
): Promise<OpenGateway> {
  const postgres = await startPostgres(options.server);
  for (const database of databases) await postgres.query(`create database "${database}" template template0`);
  const address = `127.0.0.1:${postgres.port}`;
  const open = (await options.targets?.(postgres)) ?? databases.map((name) => ({ name, address, database: name }));
  const targets = open.map(
    (target) =>
      `  - { name: ${target.name}, kind: postgres, address: "${target.address}", database: ${target.database}, username: ${postgres.superuser}, secret: "vault:open", tls: { mode: disable }, labels: {} }`,
  );
  const gateway = await startTestGateway({
    bundle: new Map([
      ['targets.yaml', `targets:\n${targets.join('\n')}\n`],
      ['classification.yaml', rules.classification],
      ['bindings.yaml', rules.bindings ?? 'groups: {}\n'],
      ['policies/test.cedar', rules.policies],
    ]),
    bootstrap: { listeners: { postgres: { host: '127.0.0.1', port: 0, tls: null }, ssh: null } },
  });
  await gateway.gateway.setSecret('open', postgres.password);
  const token = await gateway.token('engineer', { expiresInSeconds: 3_600 });
  const { superuser: user, password, port } = postgres;
  const describe: OpenGateway['describe'] = async (database) =>
    (await gateway.call('GET', `/v1/targets/${database}`, { as: 'engineer' })).document;
  return {
    postgres,
    direct: (database) => ({ port, user, password, database }),
    through: (target) => ({ port: gateway.gateway.postgresPort ?? 0, user: 'x', password: token, database: target }),
    restart: () => gateway.restart(),
    describe,
    async protectedColumns(database) {
      const columns = (await describe(database))['protected_columns'] as readonly { readonly column: string }[];
      return columns.map(({ column }) => column);
    },
    async stop() {
      await gateway.stop();
      await postgres.stop();
    },
  };
}

export function rawClient({ port, user, password, database }: Address): Promise<RawPostgres> {
  return RawPostgres.connect(port, user, password, database);
}

export async function pgClient(address: Address): Promise<pg.Client> {
  const client = new pg.Client({ host: '127.0.0.1', ...address });
  client.on('error', () => undefined); // the query in hand fails as well, and says so
  await client.connect();
  return client;
}
