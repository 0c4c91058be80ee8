"""Uses psycopg 3: server-side binding, prepared statements, pipelines, binary, COPY. Arguments: port, user, password, database."""
import sys

import psycopg

port, user, password, database = sys.argv[1:]
with psycopg.connect(host="127.0.0.1", port=port, user=user, password=password, dbname=database) as connection:
    connection.execute("drop table if exists py3")
    connection.execute("create table py3 (id int primary key, name text, doc jsonb)")
    with connection.cursor() as cursor:
        cursor.executemany("insert into py3 values (%s, %s, %s) returning id", [(n, f"n{n}", "{}") for n in range(20)], returning=True)
        print(cursor.rowcount)
    for n in range(8):  # prepared by the driver from the fifth time on
        print(connection.execute("select name from py3 where id = %s", (n,), prepare=True if n == 0 else None).fetchone())
    with connection.pipeline():
        first = connection.execute("select %s::int + 1", (1,))
        second = connection.execute("select count(*) from py3")
        print(first.fetchone(), second.fetchone())
    connection.commit()
    try:
        with connection.pipeline():
            connection.execute("insert into py3 values (100, 'kept?')")
            connection.execute("select 1/0")
            connection.execute("insert into py3 values (101, 'never')")
    except psycopg.Error as error:
        print(type(error).__name__, error.sqlstate)
    connection.rollback()
    print(connection.execute("select count(*) from py3 where id >= 100").fetchone())
    with connection.cursor(binary=True) as cursor:
        cursor.execute("select 1::int8, 2.5::float8, 'x'::text, date '2024-02-29', array[1, 2], %s::uuid", ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",))
        print(cursor.fetchone())
    with connection.cursor() as cursor:
        with cursor.copy("copy py3 (id, name) from stdin (format binary)") as copy:
            copy.set_types(["int4", "text"])
            copy.write_row((200, "binary"))
        with cursor.copy("copy (select id, name from py3 where id >= 200) to stdout") as copy:
            print([bytes(row) for row in copy])
    with connection.cursor("server_side") as cursor:
        cursor.execute("select id from py3 order by id")
        print(cursor.fetchmany(3), cursor.fetchone())
    with connection.transaction():
        connection.execute("savepoint inner_one")
        connection.execute("rollback to inner_one")
    print(connection.info.parameter_status("server_encoding"), connection.info.transaction_status.name)
