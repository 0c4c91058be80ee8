import pg from 'pg';
import { nameTest } from '../lib/glob.js';
import { messageOf, SluiceError } from '../lib/errors.js';
import type { TargetConfig } from '../sessions/types.js';
import { asConnectedSocket } from './exec/socket-like.js';

/** One thing about the gateway's own role on a database, and the statement that would make it better. */
export interface RoleCheck {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly message: string;
  /** SQL for the database's owner to run; the gateway runs none of it. */
  readonly hardening: readonly string[];
}

export interface ProtectedColumn {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  readonly class: string;
}

type Ask = <Row>(sql: string, parameters?: readonly unknown[]) => Promise<readonly Row[]>;

const timeoutMs = 10_000;
/** More of one kind are counted, not listed: a report is read by people. */
const maxListed = 50;

/**
 * Asks a PostgreSQL target what the gateway's own role could do there if the gateway were passed by or mistaken: the second
 * line of defence. Reads catalogs only, in a READ ONLY transaction, with names qualified.
 */
export async function checkRole(
  target: TargetConfig,
  columns: readonly ProtectedColumn[],
): Promise<readonly RoleCheck[]> {
  const way = await target.relay?.connect(AbortSignal.timeout(timeoutMs));
  const client = new pg.Client({
    ...{ host: target.host, port: target.port, database: target.database, user: target.username },
    password: await target.readSecret(),
    ssl: sslOf(target),
    ...(way === undefined ? {} : { stream: () => asConnectedSocket(way) }),
    application_name: 'sluice doctor',
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    options: '-c search_path=pg_catalog -c default_transaction_read_only=on',
  });
  client.on('error', () => undefined); // the query in hand fails as well, and says so
  try {
    await client.connect();
    const ask: Ask = async <Row>(sql: string, parameters: readonly unknown[] = []) =>
      (await client.query(sql, [...parameters])).rows as Row[];
    return [
      ...(await attributes(ask)),
      ...(await databaseRights(ask)),
      await ownership(ask),
      await clearColumns(ask, columns),
      await ownerViews(ask),
      await definerFunctions(ask),
    ];
  } catch (cause) {
    throw new SluiceError('target_unreachable', `cannot look at ${target.name}: ${messageOf(cause)}`, {
      decider: 'target',
      cause,
    });
  } finally {
    await client.end().catch(() => undefined);
    way?.destroy();
  }
}

function sslOf({ tls, host }: TargetConfig): pg.ClientConfig['ssl'] {
  if (tls.mode === 'disable') return false;
  if (tls.mode === 'require') return { rejectUnauthorized: false };
  return { rejectUnauthorized: true, servername: host, ...(tls.ca === null ? {} : { ca: tls.ca }) };
}

const dangerous = [
  'pg_read_server_files',
  'pg_write_server_files',
  'pg_execute_server_program',
  'pg_read_all_data',
  'pg_write_all_data',
  'pg_signal_backend',
  'pg_monitor',
  'pg_read_all_stats',
  'pg_create_subscription',
  'pg_maintain',
];

async function attributes(ask: Ask): Promise<readonly RoleCheck[]> {
  const [role] = await ask<{ name: string; powers: string[]; memberships: string[] }>(
    `select quote_ident(rolname) as name,
       array_remove(array[case when rolsuper then 'SUPERUSER' end, case when rolcreaterole then 'CREATEROLE' end,
         case when rolcreatedb then 'CREATEDB' end, case when rolbypassrls then 'BYPASSRLS' end,
         case when rolreplication then 'REPLICATION' end], null) as powers,
       array(select quote_ident(m.rolname) from pg_roles m where m.rolname = any($1::text[])
         and pg_has_role(r.oid, m.oid, 'member') and not r.rolsuper order by 1) as memberships
     from pg_roles r where rolname = current_user`,
    [dangerous],
  );
  if (role === undefined) throw new Error('the role does not see itself');
  const { name, powers, memberships } = role;
  const off = powers.map((power) => `NO${power}`).join(' ');
  return [
    powers.length === 0
      ? fine('role attributes', `${name} is an ordinary role`)
      : {
          name: 'role attributes',
          state: powers.includes('SUPERUSER') ? 'failed' : 'warning',
          message: `${name} has ${powers.join(', ')}: no policy of the gateway limits what the server lets it do`,
          hardening: [`ALTER ROLE ${name} ${off};`],
        },
    memberships.length === 0
      ? fine('predefined roles', `${name} is in none that reads or runs everything`)
      : {
          name: 'predefined roles',
          state: 'warning',
          message: `${name} is a member of ${memberships.join(', ')}`,
          hardening: memberships.map((group) => `REVOKE ${group} FROM ${name};`),
        },
  ];
}

async function databaseRights(ask: Ask): Promise<readonly RoleCheck[]> {
  const [rights] = await ask<{ db: string; role: string; temp: boolean; create: boolean; schemas: string[] }>(
    `select quote_ident(current_database()) as db, quote_ident(current_user) as role,
       has_database_privilege(current_database(), 'TEMP') as temp,
       has_database_privilege(current_database(), 'CREATE') as create,
       array(select quote_ident(nspname) from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'
         and has_schema_privilege(oid, 'CREATE') order by 1) as schemas`,
  );
  if (rights === undefined) throw new Error('the database does not answer');
  const { db, role, temp, create, schemas } = rights;
  return [
    temp
      ? {
          name: 'temporary tables',
          state: 'warning',
          message: `${role} may make temporary tables and views, which shadow real ones and can launder values`,
          hardening: [`REVOKE TEMP ON DATABASE ${db} FROM PUBLIC;`, `REVOKE TEMP ON DATABASE ${db} FROM ${role};`],
        }
      : fine('temporary tables', `${role} may make none`),
    create || schemas.length > 0
      ? {
          name: 'creating objects',
          state: 'warning',
          message: `${role} may create ${[create ? `schemas in ${db}` : '', schemas.length > 0 ? `objects in ${schemas.join(', ')}` : ''].filter((part) => part !== '').join(' and ')}`,
          hardening: [
            ...(create ? [`REVOKE CREATE ON DATABASE ${db} FROM ${role}, PUBLIC;`] : []),
            ...schemas.map((schema) => `REVOKE CREATE ON SCHEMA ${schema} FROM ${role}, PUBLIC;`),
          ],
        }
      : fine('creating objects', `${role} may create nothing`),
  ];
}

async function ownership(ask: Ask): Promise<RoleCheck> {
  const owned = await ask<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relowner = (select oid from pg_roles where rolname = current_user) and c.relkind in ('r', 'p', 'v', 'm', 'f')
       and n.nspname !~ '^pg_' order by 1`,
  );
  if (owned.length === 0) return fine('ownership', 'the role owns no table or view');
  return {
    name: 'ownership',
    state: 'warning',
    message: `the role owns ${listed(owned.map(({ name }) => name))}: an owner can always grant, alter and drop`,
    hardening: owned.slice(0, maxListed).map(({ name }) => `ALTER TABLE ${name} OWNER TO an_owner_without_login;`),
  };
}

/** Which protected columns the role could read in clear, were the gateway not between. */
async function clearColumns(ask: Ask, columns: readonly ProtectedColumn[]): Promise<RoleCheck> {
  const name = 'protected columns';
  if (columns.length === 0) return fine(name, 'classification.yaml names none on this target');
  const all = await ask<{ schema: string; table: string; column: string; readable: boolean; role: string }>(
    `select n.nspname as schema, c.relname as table, a.attname as column,
       has_column_privilege(c.oid, a.attnum, 'SELECT') as readable, quote_ident(current_user) as role
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f')
       and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1, 2, a.attnum`,
  );
  const patterns = columns.map(({ schema, table, column }) => ({
    schema: nameTest(schema),
    table: nameTest(table),
    column: nameTest(column),
  }));
  const isProtected = ({ schema, table, column }: (typeof all)[number]): boolean =>
    patterns.some((fits) => fits.schema(schema) && fits.table(table) && fits.column(column));
  const open = all.filter((row) => row.readable && isProtected(row));
  if (open.length === 0) return fine(name, 'the role itself can read none of them');
  const tables = new Map(open.map((row) => [`${row.schema}.${row.table}`, row]));
  const hardening = [...tables.values()].slice(0, maxListed).flatMap(({ schema, table, role }) => {
    const rest = all.filter((row) => row.schema === schema && row.table === table && row.readable && !isProtected(row));
    const full = `${quote(schema)}.${quote(table)}`;
    const list = rest.map(({ column }) => quote(column)).join(', ');
    return [
      `REVOKE SELECT ON ${full} FROM ${role}, PUBLIC;`,
      ...(list === '' ? [] : [`GRANT SELECT (${list}) ON ${full} TO ${role};`]),
    ];
  });
  const names = open.map((row) => `${row.schema}.${row.table}.${row.column}`);
  return {
    name,
    state: 'warning',
    message: `the role can read ${listed(names)}: masked by the gateway alone. Where nobody needs masked values, take the grant away`,
    hardening,
  };
}

async function ownerViews(ask: Ask): Promise<RoleCheck> {
  const views = await ask<{ name: string; owner: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name, quote_ident(o.rolname) as owner
     from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_roles o on o.oid = c.relowner
     where c.relkind = 'v' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
       and o.rolname <> current_user and has_table_privilege(c.oid, 'SELECT')
       and not coalesce('security_invoker=true' = any(c.reloptions) or 'security_invoker=on' = any(c.reloptions), false)
     order by 1`,
  );
  if (views.length === 0) return fine('views with their owner’s rights', 'the role can read none');
  const [version] = await ask<{ major: number }>(`select current_setting('server_version_num')::int / 10000 as major`);
  return {
    name: 'views with their owner’s rights',
    state: 'warning',
    message: `${listed(views.map(({ name, owner }) => `${name} (of ${owner})`))}: what the role may not read itself, these read for it`,
    hardening:
      (version?.major ?? 0) >= 15
        ? views.slice(0, maxListed).map(({ name }) => `ALTER VIEW ${name} SET (security_invoker = true);`)
        : views.slice(0, maxListed).map(({ name }) => `REVOKE SELECT ON ${name} FROM PUBLIC;`),
  };
}

async function definerFunctions(ask: Ask): Promise<RoleCheck> {
  const functions = await ask<{ name: string; role: string }>(
    `select format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as name,
       quote_ident(current_user) as role
     from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_roles o on o.oid = p.proowner
     where p.prosecdef and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and o.rolname <> current_user
       and has_function_privilege(p.oid, 'EXECUTE') and has_schema_privilege(n.oid, 'USAGE') order by 1`,
  );
  if (functions.length === 0) return fine('SECURITY DEFINER functions', 'the role may call none');
  return {
    name: 'SECURITY DEFINER functions',
    state: 'warning',
    message: `${listed(functions.map(({ name }) => name))}: they run with their owner's rights, on statements nobody judges`,
    hardening: functions
      .slice(0, maxListed)
      .map(({ name, role }) => `REVOKE EXECUTE ON FUNCTION ${name} FROM PUBLIC, ${role};`),
  };
}

function fine(name: string, message: string): RoleCheck {
  return { name, state: 'ok', message, hardening: [] };
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(', ');
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}

/** An SQL identifier: PostgreSQL 4.1.1. */
function quote(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
