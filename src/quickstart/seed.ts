import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { DemoPostgres } from './postgres.js';
import { fullShop, makeShop, type ShopSize, type ShopTable } from './shop-rows.js';
import { shopIndexesAndViews, shopSchema } from './shop-schema.js';

export const shopDatabase = 'shop';
export const gatewayRole = 'sluice_gateway';

const batchRows = 5_000;

export interface SeedOptions {
  /** Remembers the gateway role's password here, so that the vault can be filled again. */
  readonly dir: string;
  readonly size?: ShopSize;
  readonly onSeeding?: () => void;
  readonly signal?: AbortSignal;
}

/** Whether anything was made, and the gateway role's password (which belongs in the vault). */
export interface SeedResult {
  readonly seeded: boolean;
  readonly password: string;
}

/** Makes the shop once. The database appears under its name only when complete, so a kill in between starts over. */
export async function seedShop(
  server: Pick<DemoPostgres, 'host' | 'port' | 'superuser' | 'password'>,
  options: SeedOptions,
): Promise<SeedResult> {
  const admin = await connect(server, 'postgres');
  try {
    const password = await ensureRole(admin, options.dir);
    const found = await admin.query('select 1 from pg_database where datname = $1', [shopDatabase]);
    if (found.rowCount !== 0) return { seeded: false, password };
    options.onSeeding?.();
    const unfinished = `${shopDatabase}_unfinished`;
    await admin.query(`drop database if exists ${unfinished}`);
    await admin.query(`create database ${unfinished}`);
    options.signal?.throwIfAborted();
    const shop = await connect(server, unfinished);
    try {
      await fill(shop, makeShop(options.size ?? fullShop), options.signal);
      await shop.query(privileges);
    } finally {
      await shop.end();
    }
    await admin.query(`revoke connect, temporary on database postgres, template1, ${unfinished} from public`);
    await admin.query(`grant connect on database ${unfinished} to ${gatewayRole}`);
    await admin.query(`alter database ${unfinished} rename to ${shopDatabase}`);
    return { seeded: true, password };
  } finally {
    await admin.end();
  }
}

/**
 * What the gateway's own role may do: work with rows, make new objects when that was approved; it owns no table of the
 * shop, so even an approved DROP of one is refused by PostgreSQL itself.
 */
const privileges = `
revoke create on schema public from public;
grant usage, create on schema public to ${gatewayRole};
grant select, insert, update, delete on all tables in schema public to ${gatewayRole};`;

async function fill(shop: pg.Client, tables: readonly ShopTable[], signal: AbortSignal | undefined): Promise<void> {
  await shop.query('begin');
  await shop.query(shopSchema);
  for (const { name, rows } of tables) {
    for (let start = 0; start < rows.length; start += batchRows) {
      signal?.throwIfAborted();
      const batch = JSON.stringify(rows.slice(start, start + batchRows));
      await shop.query(`insert into ${name} select * from json_populate_recordset(null::${name}, $1)`, [batch]);
    }
  }
  await shop.query(shopIndexesAndViews);
  await shop.query('commit');
}

/** The role, with the password of the file; a role without its file gets a new password. */
async function ensureRole(admin: pg.Client, dir: string): Promise<string> {
  const file = join(dir, 'gateway.password');
  const known = await readFile(file, 'utf8').catch(() => '');
  const role = await admin.query('select 1 from pg_roles where rolname = $1', [gatewayRole]);
  if (known !== '' && role.rowCount !== 0) return known;
  const password = known === '' ? randomBytes(24).toString('base64url') : known; // no quote can occur in base64url
  const verb = role.rowCount === 0 ? 'create' : 'alter';
  await admin.query(
    `${verb} role ${gatewayRole} login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password '${password}'`,
  );
  await writeFile(file, password, { mode: 0o600 });
  return password;
}

async function connect(server: Parameters<typeof seedShop>[0], database: string): Promise<pg.Client> {
  const { host, port, superuser: user, password } = server;
  const client = new pg.Client({ host, port, user, password, database, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined); // a dying server also fails the query in hand, which says so
  await client.connect();
  return client;
}
