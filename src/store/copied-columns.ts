import type { CopiedColumn, CopiedColumnStore, CopyAuthor } from '../masking/copied-columns.js';
import type { Connection } from './database.js';

type Row = readonly [
  id: string,
  target: string,
  database: string,
  schema: string,
  table: string,
  column: string | null,
  relation: number,
  attribute: number,
  name: string,
  derived: number,
  confirmed: number,
  since: number,
  authors: string,
  identity: string | null,
];

const columns = `id, target, database, schema_name, table_name, column_name, relation, attribute, class, derived, confirmed, since, authors, identity`;

/** Columns that hold copies of protected values, in SQLite. */
export function sqliteCopiedColumns(database: Connection): CopiedColumnStore {
  const list = database
    .prepare(`SELECT ${columns} FROM copied_columns WHERE target = ? OR database = ? ORDER BY since, id`)
    .raw();
  const ofIdentity = database
    .prepare(`SELECT ${columns} FROM copied_columns WHERE identity = ? ORDER BY since, id`)
    .raw();
  const save = database.prepare(
    `INSERT INTO copied_columns (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
     schema_name = excluded.schema_name, table_name = excluded.table_name, column_name = excluded.column_name,
     relation = excluded.relation, attribute = excluded.attribute, confirmed = excluded.confirmed,
     authors = excluded.authors, identity = excluded.identity`,
  );
  const remove = database.prepare('DELETE FROM copied_columns WHERE id = ?');
  return {
    list: (target, place) => (list.all([target, place]) as readonly Row[]).map(fromRow),
    ofIdentity: (identity) => (ofIdentity.all([identity]) as readonly Row[]).map(fromRow),
    save: (copy) => void save.run(toRow(copy)),
    remove: (id) => void remove.run([id]),
  };
}

function fromRow(row: Row): CopiedColumn {
  const [id, target, database, schema, table, column, relation, attribute, name, derived, confirmed, since] = row;
  const [authors, identity] = row.slice(12) as [string, string | null];
  return {
    ...{ id, target, database, schema, table, column, relation, attribute, since, identity },
    class: name,
    derived: derived === 1,
    confirmed: confirmed === 1,
    authors: JSON.parse(authors) as readonly CopyAuthor[],
  };
}

function toRow(copy: CopiedColumn): (string | number | null)[] {
  const { id, target, database, schema, table, column, relation, attribute, derived, confirmed, since } = copy;
  return [
    ...[id, target, database, schema, table, column, relation, attribute, copy.class],
    ...[derived ? 1 : 0, confirmed ? 1 : 0, since, JSON.stringify(copy.authors), copy.identity],
  ];
}
