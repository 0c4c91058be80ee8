select table_schema, table_name, table_type from information_schema.tables where table_schema = 'public' order by 1, 2
select column_name, ordinal_position, column_default, is_nullable, data_type, character_maximum_length, numeric_precision, udt_name from information_schema.columns where table_schema = 'public' order by table_name, ordinal_position
select constraint_name, constraint_type, table_name from information_schema.table_constraints where table_schema = 'public' and constraint_name !~ '^[0-9]' order by 1, 3
select tc.constraint_name, kcu.column_name, ccu.table_name from information_schema.table_constraints tc join information_schema.key_column_usage kcu using (constraint_name) join information_schema.constraint_column_usage ccu using (constraint_name) where tc.constraint_type = 'FOREIGN KEY' order by 1, 2
select n.nspname, c.relname, c.relkind, pg_get_userbyid(c.relowner), obj_description(c.oid, 'pg_class') from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' order by 2
select a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum where a.attrelid = 'public.people'::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum
select i.relname, pg_get_indexdef(i.oid), x.indisunique, x.indisprimary from pg_index x join pg_class i on i.oid = x.indexrelid where x.indrelid = 'people'::regclass order by 1
select conname, contype, pg_get_constraintdef(oid, true) from pg_constraint where conrelid = 'orders'::regclass order by 1
select proname, pg_get_function_identity_arguments(p.oid), prorettype::regtype, prosrc from pg_proc p join pg_namespace n on n.oid = pronamespace where nspname = 'public' order by 1, 2
select pg_get_functiondef('add_one(int)'::regprocedure)
select pg_get_viewdef('adults'::regclass, true)
select pg_get_triggerdef(oid) from pg_trigger where tgrelid = 'people'::regclass and not tgisinternal
select typname, typtype, typcategory from pg_type t join pg_namespace n on n.oid = typnamespace where nspname = 'public' order by 1
select enumlabel from pg_enum e join pg_type t on t.oid = enumtypid where typname = 'mood' order by enumsortorder
select nspname from pg_namespace where nspname !~ '^pg_(toast_)?temp' order by 1
select datname is not null, pg_encoding_to_char(encoding), datcollate from pg_database where datname = current_database()
select extname, extversion from pg_extension order by 1
select rolname, rolsuper, rolcanlogin from pg_roles where rolname !~ '^pg_' order by 1
select count(*) > 300 from pg_settings
select name, setting from pg_settings where name in ('max_connections', 'DateStyle', 'TimeZone') order by 1
select version() like 'PostgreSQL%', current_schema(), current_schemas(false), current_user = session_user
select tablename, indexname from pg_indexes where schemaname = 'public' order by 1, 2
select schemaname, viewname, definition from pg_views where schemaname = 'public'
select relname, n_live_tup >= 0 from pg_stat_user_tables order by 1
select state is not null from pg_stat_activity where pid = pg_backend_pid()
select inhrelid::regclass, inhparent::regclass, pg_get_expr(c.relpartbound, c.oid) from pg_inherits i join pg_class c on c.oid = inhrelid order by 1::text
select pg_table_size('parts_rest') >= 0, pg_size_pretty(12345678::bigint)
select grantee, privilege_type from information_schema.role_table_grants where table_name = 'people' order by 1, 2
select sequence_name, data_type, start_value from information_schema.sequences order by 1
select routine_name, routine_type, external_language from information_schema.routines where routine_schema = 'public' order by 1
select trigger_name, event_manipulation, action_timing from information_schema.triggers order by 1, 2
select has_schema_privilege('public', 'usage'), pg_is_in_recovery(), pg_backend_pid() > 0, txid_current() > 0
select array(select unnest(conkey) from pg_constraint where conname = 'people_pkey')
select shobj_description(oid, 'pg_database') from pg_database where datname = 'template1'
select castsource::regtype, casttarget::regtype from pg_cast order by 1::text, 2::text limit 20
select opcname from pg_opclass order by 1 limit 5
select amname from pg_am order by 1
select collname from pg_collation where collname in ('C', 'POSIX') order by 1
