import type { Connection } from './database.js';
import type { AuditEntry, AuditStore } from './ports.js';

type AuditRow = readonly [number, number, string, string, string, AuditEntry['outcome'], string];

/** The audit trail in SQLite; triggers refuse to change or delete an entry. */
export function sqliteAudit(database: Connection): AuditStore {
  const add = database.prepare(
    'INSERT INTO audit (at, actor, action, object, outcome, detail) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const page = database
    .prepare(
      `SELECT sequence, at, actor, action, object, outcome, detail FROM audit WHERE (?1 IS NULL OR sequence < ?1)
       ORDER BY sequence DESC LIMIT ?2`,
    )
    .raw();
  const next = database
    .prepare(
      `SELECT sequence, at, actor, action, object, outcome, detail FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2`,
    )
    .raw();
  return {
    append: ({ at, actor, action, object, outcome, detail }) =>
      void add.run([at, actor, action, object, outcome, JSON.stringify(detail)]),
    list: ({ limit, before }) => (page.all([before ?? null, limit]) as readonly AuditRow[]).map(entryOf),
    after: (sequence, limit) => (next.all([sequence, limit]) as readonly AuditRow[]).map(entryOf),
  };
}

function entryOf([sequence, at, actor, action, object, outcome, detail]: AuditRow): AuditEntry & {
  readonly sequence: number;
} {
  return { sequence, at, actor, action, object, outcome, detail: JSON.parse(detail) as AuditEntry['detail'] };
}
