-- Few names, each of many columns: whoever looks a name up elsewhere than the server does finds another column.
-- Protected (name-worlds.ts): n1.b, n2.a, n3.one, n3.column1, n6.u, and every column of n9.
CREATE TABLE n0 (a text, b text, c text, d text, f1 text, f2 text, column1 text, column2 text, unnest text, one text);
CREATE TABLE n9 (a text, b text, c text, d text, f1 text, f2 text, column1 text, column2 text, unnest text, one text);
CREATE TABLE n1 (a text, b text, c text);
CREATE TABLE n2 (b text, a text, d text);
CREATE TABLE n3 (unnest text, f1 text, column1 text, one text, c text);
CREATE TABLE n6 (t n1, u n1, b text);
CREATE TABLE n7 (a text, gone text, b text DEFAULT 'n7', d text);
ALTER TABLE n7 DROP COLUMN gone;
CREATE TABLE n8 (c text) INHERITS (n7);
CREATE VIEW n4 AS SELECT b AS ctid, a AS tableoid, c AS b, a FROM n1;
CREATE VIEW n5 (d, b) AS SELECT x.a, y.c, x.d AS f2 FROM n2 x JOIN n1 y ON true;
CREATE VIEW n10 AS SELECT a, b, c, d, f1, f2, column1, column2, unnest, one, b AS ctid FROM n9;
CREATE TYPE ct AS (b text, a text);
CREATE DOMAIN plain AS text;
CREATE DOMAIN dct AS ct;
CREATE DOMAIN dn1 AS n1;
CREATE TYPE mood AS ENUM ('glad', 'sad');

INSERT INTO n0 SELECT 'a' || i, 'b' || i, 'c' || i, 'd' || i, 'f' || i, 'g' || i, 'h' || i, 'i' || i, 'j' || i, 'k' || i
  FROM generate_series(1, 2) i;
INSERT INTO n9 SELECT 'A' || i, 'B' || i, 'C' || i, 'D' || i, 'F' || i, 'G' || i, 'H' || i, 'I' || i, 'J' || i, 'K' || i
  FROM generate_series(1, 2) i;
INSERT INTO n1 SELECT 'n1a' || i, 'n1B' || i, 'n1c' || i FROM generate_series(1, 3) i;
INSERT INTO n2 SELECT 'n2b' || i, 'n2A' || i, 'n2d' || i FROM generate_series(1, 2) i;
INSERT INTO n3 SELECT 'n3u' || i, 'n3f' || i, 'n3H' || i, 'n3O' || i, 'n3c' || i FROM generate_series(1, 2) i;
INSERT INTO n6 SELECT ROW('n6a', 'n6b', 'n6c')::n1, ROW('n6A', 'n6B', 'n6C')::n1, 'n6d' FROM generate_series(1, 2) i;
INSERT INTO n7 VALUES ('n7a', 'n7b', 'n7d');
INSERT INTO n8 VALUES ('n8a', 'n8b', 'n8d', 'n8c');

CREATE FUNCTION one() RETURNS text LANGUAGE sql STABLE AS 'SELECT b FROM n1 LIMIT 1';
CREATE FUNCTION safe() RETURNS text LANGUAGE sql STABLE AS 'SELECT c AS b FROM n1 LIMIT 1';
CREATE FUNCTION many() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT a AS c FROM n1';
CREATE FUNCTION domained() RETURNS plain LANGUAGE sql STABLE AS 'SELECT c::plain AS a FROM n1 LIMIT 1';
CREATE FUNCTION out_one(OUT b text) LANGUAGE sql STABLE AS 'SELECT a FROM n1 LIMIT 1';
CREATE FUNCTION out_two(OUT a text, OUT b text) LANGUAGE sql STABLE AS 'SELECT c AS b, b AS a FROM n1 LIMIT 1';
CREATE FUNCTION out_none(OUT text, OUT text) LANGUAGE sql STABLE AS 'SELECT b, c FROM n1 LIMIT 1';
CREATE FUNCTION out_mixed(INOUT a text, OUT text) LANGUAGE sql STABLE AS 'SELECT a, n1.b FROM n1 LIMIT 1';
CREATE FUNCTION out_row(OUT c n1) LANGUAGE sql STABLE AS 'SELECT x FROM n1 x LIMIT 1';
CREATE FUNCTION out_set(OUT d text) RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT b FROM n1';
CREATE FUNCTION row_n1() RETURNS n1 LANGUAGE sql STABLE AS 'SELECT a, b, c FROM n1 LIMIT 1';
CREATE FUNCTION row_whole() RETURNS n1 LANGUAGE sql STABLE AS 'SELECT x FROM n1 x LIMIT 1';
CREATE FUNCTION rows_n2() RETURNS SETOF n2 LANGUAGE sql STABLE AS 'SELECT * FROM n2';
CREATE FUNCTION rows_n7() RETURNS SETOF n7 LANGUAGE sql STABLE AS 'SELECT * FROM n7';
CREATE FUNCTION row_ct() RETURNS ct LANGUAGE sql STABLE AS 'SELECT a, b FROM n2 LIMIT 1';
CREATE FUNCTION row_dct() RETURNS dct LANGUAGE sql STABLE AS 'SELECT ROW(a, b)::dct FROM n1 LIMIT 1';
CREATE FUNCTION row_dn1() RETURNS dn1 LANGUAGE sql STABLE AS 'SELECT x::dn1 FROM n1 x LIMIT 1';
CREATE FUNCTION tab() RETURNS TABLE (b text, a text) LANGUAGE sql STABLE AS 'SELECT a, b FROM n1';
CREATE FUNCTION tab_one() RETURNS TABLE (a text) LANGUAGE sql STABLE AS 'SELECT c FROM n1';
CREATE FUNCTION rec() RETURNS record LANGUAGE sql STABLE AS 'SELECT a, b FROM n1 LIMIT 1';
CREATE FUNCTION recs() RETURNS SETOF record LANGUAGE sql STABLE AS 'SELECT b, c FROM n1';
CREATE FUNCTION same(anyelement) RETURNS anyelement LANGUAGE sql STABLE AS 'SELECT $1';
CREATE FUNCTION same_out(anyelement, OUT b anyelement) LANGUAGE sql STABLE AS 'SELECT $1';
CREATE FUNCTION elements(anyarray) RETURNS SETOF anyelement LANGUAGE sql STABLE AS 'SELECT unnest($1)';
CREATE FUNCTION picked(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT c FROM n1 LIMIT 1';
CREATE FUNCTION picked(text) RETURNS TABLE (c text, b text) LANGUAGE sql STABLE AS 'SELECT b, a FROM n1';
CREATE FUNCTION sides(int) RETURNS TABLE (a text, b text) LANGUAGE sql STABLE AS 'SELECT b, c FROM n1';
CREATE FUNCTION sides(text) RETURNS TABLE (b text, a text) LANGUAGE sql STABLE AS 'SELECT b, c FROM n1';
CREATE FUNCTION rest(n1) RETURNS text LANGUAGE sql STABLE AS 'SELECT $1.b';
CREATE FUNCTION d(n1) RETURNS text LANGUAGE sql STABLE AS 'SELECT $1.c';
CREATE FUNCTION c(x n2) RETURNS text LANGUAGE sql STABLE AS 'SELECT x.a';
CREATE FUNCTION f1(ct) RETURNS text LANGUAGE sql STABLE AS 'SELECT $1.a';
CREATE FUNCTION named(a text, b text DEFAULT 'k') RETURNS text LANGUAGE sql STABLE AS 'SELECT b FROM n2 LIMIT 1';
CREATE FUNCTION moods() RETURNS mood LANGUAGE sql STABLE AS 'SELECT ''glad''::mood AS b';
CREATE FUNCTION arrays() RETURNS text[] LANGUAGE sql STABLE AS 'SELECT ARRAY[a, c] AS b FROM n1 LIMIT 1';
