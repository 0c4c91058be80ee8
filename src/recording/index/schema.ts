/**
 * The index is derived: it can be thrown away and built again from the journals at any time.
 *
 * Operations are counted in each session; terminal output has no numbers of its own, its pieces stand in the upper half.
 * What an operation says is kept in blocks (operation-block.ts), the words by which it is found in segments (segments.ts):
 * one write for many operations, and a word that stands in each of them costs each a byte or two.
 */
export const maxIndexedOps = 1 << 23;
/** Longer statements and parameters are found by their beginning; the journal has all of it. */
export const maxIndexedText = 64 * 1024;

export const schemaVersion = 6;
export const schema = `
create table sessions (
  seq integer primary key autoincrement,
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
  -- The person for whom a machine acted.
  behalf_subject text,
  behalf_name text,
  who text not null,
  -- Between these its operations began.
  from_at integer,
  to_at integer,
  -- How far the journal has been read, and the chain there.
  indexed_bytes integer not null default 0,
  indexed_records integer not null default 0,
  indexed_hash blob
);
create index sessions_target on sessions (target, seq);
create index sessions_user on sessions (user, seq);
create index sessions_behalf on sessions (behalf_name, seq);
create index sessions_state on sessions (state, seq);
create index sessions_subject on sessions (subject, seq);
create index sessions_time on sessions (from_at, to_at);
-- id: session × 2^20 + first operation / 16
create table blocks (id integer primary key, from_at integer not null, to_at integer not null, body text not null);
create table segments (id integer primary key, level integer not null, bytes integer not null);
create table segment_parts (id integer primary key, segment integer not null, first blob not null, body blob not null);
create index segment_parts_first on segment_parts (segment, first);
-- Sessions whose words are still in segments.
create table forgotten (seq integer primary key);
`;
