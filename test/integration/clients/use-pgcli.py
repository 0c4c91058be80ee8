"""Asks for everything that pgcli's completion and special commands ask for. Arguments: port, user, password, database."""
import sys

from pgcli.pgexecute import PGExecute

port, user, password, database = sys.argv[1:]
executor = PGExecute(database=database, user=user, password=password, host="127.0.0.1", port=port)
for name in ("schemata", "tables", "views", "table_columns", "view_columns", "databases", "foreignkeys", "functions", "datatypes", "casing"):
    found = getattr(executor, name)()
    print(name, sorted(str(item) for item in found if "information_schema" not in str(item) and "pg_catalog" not in str(item)))
print(executor.search_path(), executor.server_version.split(" ")[0])
for statement in ("select 1 as one; select 2", "\\dt", "\\d people", "\\df", "\\dn", "select bad", "insert into people (name) values ('cli') returning name"):
    for title, rows, headers, status, *_ in executor.run(statement, exception_formatter=str):
        print(title, [tuple(row) for row in rows] if rows else rows, headers, status)
