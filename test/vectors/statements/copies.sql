copy people (id, name, tags) to stdout
copy (select 1, null, 'a,b', e'x\ty\n') to stdout
copy (select 1 as a, 'q"q' as b, null as c) to stdout with (format csv, header, null 'NIL')
copy (select 1::int, 2.5::numeric, $$x$$::text, null::date) to stdout (format binary)
copy nope to stdout
copy people (nope) to stdout
copy (select 1/0) to stdout
copy (select generate_series(1, 2000)) to stdout
copy odd to stdout (delimiter '|', force_quote *)
copy (values (1), (2)) to stdout; select 3
