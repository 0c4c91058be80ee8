import type { GrantStore } from '../approvals/grant-types.js';
import type { RequestStore } from '../approvals/store.js';
import type { SecretStore } from '../vault/store.js';
import { sqliteAudit } from './audit.js';
import { sqliteBundles } from './bundles.js';
import type { CopiedColumnStore } from '../masking/copied-columns.js';
import { sqliteCopiedColumns } from './copied-columns.js';
import { closeDatabase, openDatabase, type Connection } from './database.js';
import { sqliteGrants } from './grants.js';
import { sqliteDeliveries } from './deliveries.js';
import { sqliteOutcomes } from './outcomes.js';
import { sqlitePeople } from './people.js';
import type {
  AuditStore,
  BundleStore,
  DeliveryStore,
  KeyValueStore,
  OutcomeStore,
  PeopleStore,
  RegisteredKeyStore,
} from './ports.js';
import { sqliteRegisteredKeys } from './registered-keys.js';
import { sqliteRequests } from './requests.js';
import { sqliteSecrets } from './secrets.js';
import { sqliteSignals } from './signals.js';
import { sqliteTransactions, type Transactions } from './transactions.js';
import { sqliteUsage } from './usage.js';
import type { UsageStore } from '../sessions/usage-store.js';
import type { SignalStore } from '../signals/store.js';

/** All state of one gateway but its recordings. */
export interface Store {
  readonly requests: RequestStore;
  readonly grants: GrantStore;
  readonly secrets: SecretStore;
  readonly bundles: BundleStore;
  readonly audit: AuditStore;
  readonly values: KeyValueStore;
  readonly outcomes: OutcomeStore;
  readonly copiedColumns: CopiedColumnStore;
  readonly people: PeopleStore;
  readonly registeredKeys: RegisteredKeyStore;
  readonly deliveries: DeliveryStore;
  readonly usage: UsageStore;
  readonly signals: SignalStore;
  readonly transactions: Transactions;
  close(): void;
}

/**
 * Opens (creates, migrates) the gateway's SQLite file. Throws `local` when another process has it open, when it is
 * damaged, or when the directory cannot be written.
 */
export function openStore(path: string): Store {
  const database = openDatabase(path);
  return {
    requests: sqliteRequests(database),
    grants: sqliteGrants(database),
    secrets: sqliteSecrets(database),
    bundles: sqliteBundles(database),
    audit: sqliteAudit(database),
    values: sqliteValues(database),
    outcomes: sqliteOutcomes(database),
    copiedColumns: sqliteCopiedColumns(database),
    people: sqlitePeople(database),
    registeredKeys: sqliteRegisteredKeys(database),
    deliveries: sqliteDeliveries(database),
    usage: sqliteUsage(database),
    signals: sqliteSignals(database),
    transactions: sqliteTransactions(database),
    close: () => closeDatabase(database),
  };
}

function sqliteValues(database: Connection): KeyValueStore {
  const read = database.prepare('SELECT value FROM key_values WHERE key = ?').raw();
  const write = database.prepare(
    'INSERT INTO key_values (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  );
  const get = (key: string): string | null => (read.all([key]) as readonly [string][])[0]?.[0] ?? null;
  const set = (key: string, value: string): void => void write.run([key, value]);
  return {
    get,
    set,
    ensure(key, make) {
      const existing = get(key);
      if (existing !== null) return existing;
      const value = make();
      set(key, value);
      return value;
    },
  };
}
