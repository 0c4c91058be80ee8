/** Every step of the schema, in order; one is never changed after a release, only followed by another. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE requests (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    requester TEXT NOT NULL,
    in_session INTEGER NOT NULL,
    votes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX requests_by_time ON requests (created_at DESC);
  CREATE INDEX requests_by_requester ON requests (requester, created_at DESC);
  CREATE INDEX requests_open ON requests (expires_at) WHERE state IN ('pending', 'approved');

  CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    sealed BLOB NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL
  ) STRICT;

  CREATE TABLE bundles (
    version TEXT PRIMARY KEY,
    files TEXT NOT NULL
  ) STRICT;
  CREATE TABLE bundle_history (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    version TEXT NOT NULL REFERENCES bundles (version),
    applied_at INTEGER NOT NULL,
    applied_by TEXT NOT NULL,
    message TEXT
  ) STRICT;

  CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL
  ) STRICT;
  CREATE TRIGGER audit_is_final BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END;
  CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END;

  CREATE TABLE key_values (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE outcomes (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    digest TEXT NOT NULL,
    claimed_at INTEGER NOT NULL,
    sealed BLOB,
    PRIMARY KEY (owner, key)
  ) STRICT;
  CREATE INDEX outcomes_by_time ON outcomes (claimed_at);
  `,
  `
  CREATE TABLE copied_columns (
    id TEXT PRIMARY KEY,
    target TEXT NOT NULL,
    database TEXT NOT NULL,
    schema_name TEXT NOT NULL,
    table_name TEXT NOT NULL,
    column_name TEXT,
    relation INTEGER NOT NULL,
    attribute INTEGER NOT NULL,
    class TEXT NOT NULL,
    derived INTEGER NOT NULL,
    confirmed INTEGER NOT NULL,
    since INTEGER NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE requests ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
  `,
  `
  CREATE TABLE grants (
    id TEXT PRIMARY KEY,
    principal TEXT NOT NULL,
    ended INTEGER NOT NULL,
    reviewed INTEGER NOT NULL,
    starts_at INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX grants_by_time ON grants (starts_at DESC);
  CREATE INDEX grants_active ON grants (principal) WHERE ended = 0;
  `,
  `
  CREATE TABLE people (
    id TEXT PRIMARY KEY,
    issuer TEXT NOT NULL,
    name TEXT NOT NULL,
    token TEXT NOT NULL,
    seen_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX people_by_name ON people (issuer, name);
  CREATE TABLE deliveries (
    sender TEXT NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (sender, id)
  ) STRICT;
  CREATE INDEX deliveries_by_time ON deliveries (at);
  `,
  `
  CREATE TABLE usage (
    gateway TEXT NOT NULL,
    identity TEXT NOT NULL,
    minute INTEGER NOT NULL,
    rows_read REAL NOT NULL,
    bytes_read REAL NOT NULL,
    statements REAL NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (gateway, identity, minute)
  ) STRICT;
  CREATE INDEX usage_by_time ON usage (minute);
  CREATE TABLE signals (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE TABLE signal_windows (
    rule TEXT NOT NULL,
    key TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (rule, key)
  ) STRICT;
  `,
  `
  CREATE TABLE registered_keys (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    issuer TEXT NOT NULL,
    fingerprint TEXT NOT NULL UNIQUE,
    public_key TEXT NOT NULL,
    label TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    expires_at INTEGER,
    used_at INTEGER
  ) STRICT;
  CREATE INDEX registered_keys_by_owner ON registered_keys (owner);
  `,
  `
  ALTER TABLE copied_columns ADD COLUMN authors TEXT NOT NULL DEFAULT '[]';
  `,
  `
  ALTER TABLE copied_columns ADD COLUMN identity TEXT;
  CREATE INDEX copied_columns_by_identity ON copied_columns (identity);
  `,
  `
  CREATE INDEX requests_prepared ON requests (json_extract(body, '$.outcome.prepared'))
    WHERE json_extract(body, '$.outcome.prepared') IS NOT NULL;
  `,
  `
  ALTER TABLE secrets ADD COLUMN destinations TEXT;
  `,
];
