"""Uses psycopg2 the way applications do; prints what it sees. Arguments: port, user, password, database."""
import io
import sys

import psycopg2
import psycopg2.extras

port, user, password, database = sys.argv[1:]
connection = psycopg2.connect(host="127.0.0.1", port=port, user=user, password=password, dbname=database)
with connection, connection.cursor() as cursor:
    cursor.execute("drop table if exists py2; create table py2 (id int primary key, name text, at timestamptz, doc jsonb)")
    psycopg2.extras.execute_values(cursor, "insert into py2 values %s", [(n, f"n{n}", "2024-01-01+00", "{}") for n in range(50)])
    cursor.executemany("update py2 set name = %s where id = %s", [("a", 1), ("b", 2)])
    print(cursor.rowcount)
    cursor.execute("select * from py2 where id < %s and name <> all(%s) order by id", (5, ["b"]))
    print([c.name for c in cursor.description], cursor.fetchall())
try:
    with connection, connection.cursor() as cursor:
        cursor.execute("insert into py2 values (1)")
except psycopg2.errors.UniqueViolation as error:
    print(error.pgcode, error.diag.message_primary, error.diag.message_detail, error.diag.constraint_name)
with connection, connection.cursor("named") as cursor:
    cursor.itersize = 7
    cursor.execute("select id from py2 order by id")
    print(sum(row[0] for row in cursor))
with connection, connection.cursor() as cursor:
    cursor.copy_expert("copy py2 (id, name) from stdin with csv", io.StringIO("100,csv\n101,\"q,q\"\n"))
    out = io.StringIO()
    cursor.copy_expert("copy (select id, name from py2 where id >= 100 order by id) to stdout", out)
    print(repr(out.getvalue()))
    cursor.execute("do $$ begin raise notice 'hello'; end $$")
    print(connection.notices[-1:])
    cursor.callproc("lower", ("ABC",))
    print(cursor.fetchone())
connection.set_session(isolation_level="SERIALIZABLE", readonly=True)
try:
    with connection, connection.cursor() as cursor:
        cursor.execute("delete from py2")
except psycopg2.Error as error:
    print(error.pgcode)
connection.set_session(autocommit=True, readonly=False)
with connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
    cursor.execute("listen ears; notify ears, 'heard'")
    connection.poll()
    print([(n.channel, n.payload) for n in connection.notifies])
    cursor.execute("select 1 as one, null as none, array[1,2] as list, 1.50::numeric as exact")
    print(dict(cursor.fetchone()))
connection.close()
