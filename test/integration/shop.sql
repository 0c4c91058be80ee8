CREATE TABLE customers (id int PRIMARY KEY, name text, email text UNIQUE, phone text, card_number text, national_id text,
  city text, tags text[], profile jsonb);
CREATE TABLE employees (id int PRIMARY KEY, name text, salary int, bonus int, dept text);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customers, total numeric, status text);
CREATE TABLE payments (id int PRIMARY KEY, order_id int, card_number text, amount numeric);
CREATE TABLE notes (id int, body text);
CREATE TABLE people (id int, ssn text, region text) PARTITION BY LIST (region);
CREATE TABLE people_eu (ssn text, region text, id int);
ALTER TABLE people ATTACH PARTITION people_eu FOR VALUES IN ('eu');
CREATE SCHEMA other;
CREATE TABLE other.notes (id int);
CREATE VIEW contacts AS SELECT id, email AS contact, lower(email) AS lowered FROM customers;
CREATE VIEW nested AS SELECT k.contact AS c2, c.name FROM contacts k JOIN customers c ON c.id = k.id;
CREATE VIEW order_totals AS SELECT o.id, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer_id;
CREATE MATERIALIZED VIEW mat_contacts AS SELECT id, email AS contact FROM customers;
CREATE VIEW plain_orders AS SELECT id, status FROM orders;
CREATE VIEW using_view AS SELECT * FROM customers JOIN payments USING (card_number, id);
CREATE RECURSIVE VIEW chain (n, e) AS SELECT 1, (SELECT email FROM customers WHERE id = 1)
  UNION ALL SELECT n + 1, (SELECT email FROM customers WHERE id = n + 1) FROM chain WHERE n < 5;
CREATE FUNCTION customer_email(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT email FROM customers WHERE id = $1';
CREATE FUNCTION customer_name(who int) RETURNS text LANGUAGE sql STABLE AS 'SELECT name FROM customers WHERE id = who';
CREATE FUNCTION identity(x text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT x';
CREATE FUNCTION all_customers() RETURNS SETOF customers LANGUAGE sql STABLE AS 'SELECT * FROM customers';
CREATE FUNCTION pair(OUT a text, OUT b int) LANGUAGE sql STABLE AS 'SELECT email, id FROM customers WHERE id = 2';
CREATE FUNCTION rows_of(n int) RETURNS TABLE (x int, y text) LANGUAGE sql STABLE AS 'SELECT id, phone FROM customers WHERE id <= n';
CREATE FUNCTION atomic() RETURNS text LANGUAGE sql STABLE BEGIN ATOMIC SELECT phone FROM customers ORDER BY id LIMIT 1; END;
CREATE FUNCTION plus_one(x int) RETURNS int LANGUAGE sql STABLE RETURN x + 1;
CREATE FUNCTION purge() RETURNS int LANGUAGE sql VOLATILE AS 'DELETE FROM notes; SELECT 1';
CREATE FUNCTION opaque(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 || ''!''; END';
CREATE FUNCTION peek(i int) RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT email FROM customers WHERE id = i); END';
CREATE FUNCTION peeks() RETURNS TABLE (e text, i int) LANGUAGE plpgsql STABLE
  AS 'BEGIN RETURN QUERY SELECT email, id FROM customers; END';
CREATE FUNCTION wipe(o orders) RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN 1; END';
CREATE FUNCTION op_fn(int, int) RETURNS boolean LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN true; END';
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = op_fn);
CREATE FUNCTION check_it(text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN true; END';
CREATE DOMAIN checked AS text CHECK (check_it(value));
CREATE FUNCTION digest(text, text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN md5($1); END';
INSERT INTO customers SELECT i, 'name' || i, 'user' || i || '@x.io', '555' || i, '4111' || i, 'N' || i, 'city' || i % 3,
  ARRAY['a', 'b' || i], jsonb_build_object('a', 's' || i, 'b', i) FROM generate_series(1, 9) i;
INSERT INTO employees SELECT i, 'e' || i, 1000 * i, i, 'd' || i % 2 FROM generate_series(1, 5) i;
INSERT INTO orders SELECT i, i, i * 10, 'new' FROM generate_series(1, 9) i;
INSERT INTO payments SELECT i, i, '4111' || i, 5 FROM generate_series(1, 9) i;
INSERT INTO people SELECT i, 'ssn' || i, 'eu' FROM generate_series(1, 5) i;
INSERT INTO notes VALUES (1, 'one'), (2, 'two');
REFRESH MATERIALIZED VIEW mat_contacts;
