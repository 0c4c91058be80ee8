/**
 * The index is derived: it can be thrown away and built again from the journals at any time.
 *
 * An operation's id is its session's id × 2^24 + its number, so that one session's operations are one range, newest
 * sessions have the highest ids, and a search can walk them newest first and skip a session in one step.
 */
export const operationBits = 24n;
export const maxIndexedOps = 1 << 24;
/** Longer statements and parameters are found by their beginning; the journal has all of it. */
export const maxIndexedText = 64 * 1024;

export const schemaVersion = 1;
export const schema = `
create table sessions (
  seq integer primary key,
  id text not null unique,
  path text,
  target text not null,
  user text not null,
  user_kind text not null,
  client text not null,
  via text not null,
  started_at integer not null,
  ended_at integer,
  state text not null,
  end_reason text,
  operations integer not null default 0,
  denied integer not null default 0,
  rows integer not null default 0,
  recording text not null,
  who text not null,
  -- How far the journal has been read, and the chain there.
  indexed_bytes integer not null default 0,
  indexed_records integer not null default 0,
  indexed_hash blob
);
create index sessions_target on sessions (target, seq);
create index sessions_user on sessions (user, seq);
create index sessions_state on sessions (state, seq);
create table operations (
  id integer primary key,
  at integer not null,
  kind text not null,
  text text not null,
  parameters text not null,
  effects text not null,
  verdict text,
  policies text not null default '[]',
  message text,
  request_id text,
  row_count integer,
  error text,
  duration_ms integer,
  -- What the full-text index holds beside the columns above, word for word, so that it can be taken out again.
  extras text not null,
  who text not null
);
create virtual table operation_words using fts5 (
  text, extras, error, who, content = 'operations', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);
`;
