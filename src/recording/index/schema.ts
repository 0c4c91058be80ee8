/**
 * The index is derived: it can be thrown away and built again from the journals at any time.
 *
 * An operation's id is its session's id × 2^24 + its number, so that one session's operations are one range, newest
 * sessions have the highest ids, and a search can walk them newest first and skip a session in one step. Terminal output
 * has no number of its own: its pieces stand in the upper half of that range.
 */
export const operationBits = 24n;
export const maxIndexedOps = 1 << 23;
/** Longer statements and parameters are found by their beginning; the journal has all of it. */
export const maxIndexedText = 64 * 1024;

export const schemaVersion = 2;
/**
 * `operation_words` keeps no text: what it is given was split into words before (words.ts), and `operations` has what is
 * shown. Words beginning with § are ours: verdict, owner, whether there was an error. `vocabulary` has every word that is
 * not a number, so that the beginning of a word can be looked up as a handful of whole ones.
 */
export const schema = `
create table sessions (
  seq integer primary key,
  id text not null unique,
  path text,
  subject text,
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
create index sessions_subject on sessions (subject, seq);
create index sessions_span on sessions (seq, started_at, ended_at);
create table operations (
  id integer primary key,
  at integer not null,
  kind text not null,
  text text not null,
  parameters text not null,
  effects text not null,
  verdict text,
  policies text not null,
  message text,
  request_id text,
  row_count integer,
  error text,
  duration_ms integer,
  people text not null
);
create virtual table operation_words using fts5 (
  text, parameters, effects, policies, error, user, people, target, other,
  content = '', contentless_delete = 1, tokenize = 'ascii'
);
create table vocabulary (word text primary key) without rowid;
`;
