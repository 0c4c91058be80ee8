import { z } from 'zod';
import { SluiceError } from '../lib/errors.js';
import { readCalls } from './catalog-calls.js';
import { readCollations } from './catalog-collations.js';
import { printedText, readDefinitions } from './catalog-definitions.js';
import { requireParser } from './postgres/parser.js';
import type { PrintedDefinitions, RawCatalog } from './postgres-types.js';

type Rows = readonly { readonly row: string | null }[];

/** Runs one query on the target and gives its rows; each has one text column named `row`, which holds JSON. */
export interface CatalogQuery {
  (sql: string): Promise<Rows>;
  /** The same, given up when a lock is not to be had at once: null. Absent where that would end a user's transaction. */
  readonly bounded?: (sql: string) => Promise<Rows | null>;
}

/** Objects the gateway cannot count are a catalog it cannot judge. */
const maxRows = 2_000_000;

/** What code says that sets what the gateway has pinned; a function's own SET clause ends with it, and is not in its source. */
const movingSource = 'set_config|search_path|standard_conforming|client_encoding|set[[:space:]]+(schema|names)';

/**
 * The queries of `readCatalog`. All names are qualified, so that nothing in the target's own schemas answers for them.
 * The session that runs them must have the search_path that sessions are pinned to: views are printed under it. A
 * session's own temporary relations are in `pg_temp`; those of others are left out.
 */
export const catalogQueries = {
  server: `select pg_catalog.json_build_object('major', pg_catalog.current_setting('server_version_num')::int / 10000,
    'database', pg_catalog.current_database(), 'user', current_user,
    'encoding', pg_catalog.current_setting('server_encoding'),
    'ctype', (select d.datctype from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()),
    'builtins', (select pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
        pg_catalog.string_agg(p.oid::text || ' ' || p.xmin::text, ',' order by p.oid), 'UTF8')), 'hex')
      from pg_catalog.pg_proc p where p.oid < 16384),
    'path', pg_catalog.to_json(pg_catalog.current_schemas(false)),
    'movers', (select pg_catalog.json_agg(pg_catalog.json_build_array(n.nspname, p.proname) order by p.oid)
      from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace join pg_catalog.pg_language l on l.oid = p.prolang
      where p.oid >= 16384 and l.lanname not in ('c', 'internal') and p.prosrc ~* '${movingSource}'
        and not exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
          and d.objid = p.oid and d.deptype = 'e')),
    'oid', (select d.oid::int8 from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()),
    'names_itself', pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute'), 'prepared', exists (
      select from pg_catalog.pg_prepared_xacts p where p.database = pg_catalog.current_database()))::text as row`,

  cluster: `select pg_catalog.to_json(c.system_identifier::text)::text as row from pg_catalog.pg_control_system() c`,

  relations: `select pg_catalog.json_build_array(c.oid::int8,
      case when n.oid = pg_catalog.pg_my_temp_schema() then 'pg_temp' else n.nspname end, c.relname, c.relkind, c.reltype::int8,
      (select pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.atttypid::int8)
         order by a.attnum) from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
      c.relkind in ('v', 'm') and n.nspname not in ('pg_catalog', 'information_schema'))::text as row
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'v', 'm', 'f', 'p', 'S', 'c') and n.nspname <> 'pg_toast'
      and (n.oid = pg_catalog.pg_my_temp_schema() or n.nspname !~ '^pg_(toast_)?temp_') order by c.oid`,

  functions: (major: number, which: 'builtin' | 'other') => `select pg_catalog.json_build_array(p.oid::int8,
      case when n.oid = pg_catalog.pg_my_temp_schema() then 'pg_temp' else n.nspname end, p.proname, p.prokind, p.provolatile,
      l.lanname, p.prosecdef, p.proretset,
      case when n.nspname <> 'pg_catalog' then (select pg_catalog.json_agg(pg_catalog.format_type(t, null) order by i)
        from pg_catalog.unnest(p.proargtypes::oid[]) with ordinality as u(t, i)) end,
      case when n.nspname <> 'pg_catalog' then pg_catalog.format_type(p.prorettype, null) else '' end,
      case when p.oid >= 16384 and (l.lanname = 'sql' and p.proconfig is null
        or p.prorettype in ('pg_catalog.trigger'::pg_catalog.regtype, 'pg_catalog.event_trigger'::pg_catalog.regtype)) then p.prosrc end,
      case when p.proargmodes is not null then (select pg_catalog.json_agg(coalesce(p.proargnames[i], '') order by i)
        from pg_catalog.generate_subscripts(p.proargmodes, 1) as i where p.proargmodes[i] in ('o', 'b', 't')) end,
      case when n.nspname <> 'pg_catalog' and p.proargnames is not null then
        case when p.proargmodes is null then pg_catalog.to_json(p.proargnames)
          else (select pg_catalog.json_agg(coalesce(p.proargnames[i], '') order by i)
            from pg_catalog.generate_subscripts(p.proargmodes, 1) as i where p.proargmodes[i] in ('i', 'b', 'v')) end end,
      p.pronargs - p.pronargdefaults, p.provariadic <> 0,
      exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid
        and d.deptype = 'e'), ${which === 'builtin' ? "''" : 'p.xmin::text'},
      ${major >= 14 ? 'p.prosqlbody is not null' : 'false'},
      ${
        which === 'builtin'
          ? 'false'
          : `exists (select from pg_catalog.pg_depend d
        where d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.refobjid = p.oid and d.classid not in
          ('pg_catalog.pg_trigger'::pg_catalog.regclass, 'pg_catalog.pg_event_trigger'::pg_catalog.regclass))`
      }, p.proisstrict)::text as row
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
      join pg_catalog.pg_language l on l.oid = p.prolang
    where p.oid ${which === 'builtin' ? '<' : '>='} 16384
      and (n.oid = pg_catalog.pg_my_temp_schema() or n.nspname !~ '^pg_(toast_)?temp_') order by p.oid`,

  // Base types, and domains with what they are underneath: the forms that values have in a COPY, which names no types.
  types: `with recursive base(type, over) as (
      select t.oid, t.oid from pg_catalog.pg_type t where t.typtype in ('b', 'r', 'm')
      union all select t.oid, base.over from pg_catalog.pg_type t join base on base.type = t.typbasetype where t.typtype = 'd')
    select pg_catalog.json_build_array(pg_catalog.format_type(t.oid, null), case when n.nspname = 'pg_catalog' then t.typname end,
      base.over::int8)::text as row
    from base join pg_catalog.pg_type t on t.oid = base.type join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    where t.oid < 16384 or t.typtype = 'd' order by t.oid`,

  // What a write sets off by itself: triggers, rules, defaults and generated columns, and foreign keys that pass it on.
  triggers: `select pg_catalog.json_build_array(t.tgrelid::int8, t.tgtype, n.nspname, p.proname)::text as row
    from pg_catalog.pg_trigger t join pg_catalog.pg_proc p on p.oid = t.tgfoid join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where not t.tgisinternal and t.tgenabled in ('O', 'A')`,
  // What any definition sets off: event triggers, whatever tags they are for; all but those of logging in.
  eventTriggers: `select pg_catalog.json_build_array(n.nspname, p.proname)::text as row
    from pg_catalog.pg_event_trigger e join pg_catalog.pg_proc p on p.oid = e.evtfoid join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where e.evtenabled in ('O', 'A') and e.evtevent <> 'login'`,
  rules: `select pg_catalog.json_build_array(r.ev_class::int8, r.ev_type, r.oid::int8, r.xmin::text)::text as row
    from pg_catalog.pg_rewrite r where r.oid >= 16384 and r.ev_enabled in ('O', 'A') order by r.oid`,
  expressions: `select pg_catalog.json_build_array(d.adrelid::int8, d.adnum, a.attgenerated <> '', d.oid::int8, d.xmin::text)::text as row
    from pg_catalog.pg_attrdef d join pg_catalog.pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
    where d.oid >= 16384 order by d.oid`,
  foreignKeys: `select pg_catalog.json_build_array(k.conrelid::int8, pg_catalog.to_json(k.conkey), k.confrelid::int8, pg_catalog.to_json(k.confkey),
      k.confupdtype, k.confdeltype)::text as row
    from pg_catalog.pg_constraint k where k.contype = 'f' and (k.confupdtype in ('c', 'n', 'd') or k.confdeltype in ('c', 'n', 'd'))`,

  inherits: `select pg_catalog.json_build_array(i.inhrelid::int8, i.inhparent::int8)::text as row
    from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid where c.relkind in ('r', 'p', 'f')`,

  // The columns by which the rows of a table are divided; 0 stands for an expression.
  partitioned: `select pg_catalog.json_build_array(p.partrelid::int8, pg_catalog.to_json(p.partattrs::int2[]))::text as row
    from pg_catalog.pg_partitioned_table p`,

  // What a foreign key refers to that names no columns.
  primaryKeys: `select pg_catalog.json_build_array(k.conrelid::int8, pg_catalog.to_json(k.conkey))::text as row
    from pg_catalog.pg_constraint k where k.contype = 'p' order by k.oid`,

  // Foreign tables of a server that may be this database, as postgres_fdw's options say; what other wrappers call theirs differs.
  foreignTables: `select pg_catalog.json_build_array(c.oid::int8,
      coalesce((select o.option_value from pg_catalog.pg_options_to_table(f.ftoptions) o where o.option_name = 'schema_name'), n.nspname),
      coalesce((select o.option_value from pg_catalog.pg_options_to_table(f.ftoptions) o where o.option_name = 'table_name'), c.relname),
      (select pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, coalesce((select o.option_value
          from pg_catalog.pg_options_to_table(a.attfdwoptions) o where o.option_name = 'column_name'), a.attname)) order by a.attnum)
        from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped))::text as row
    from pg_catalog.pg_foreign_table f join pg_catalog.pg_class c on c.oid = f.ftrelid
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace join pg_catalog.pg_foreign_server s on s.oid = f.ftserver
    where not exists (select from pg_catalog.pg_options_to_table(s.srvoptions) o
      where o.option_name = 'dbname' and o.option_value <> pg_catalog.current_database())`,
} as const;

const names = z.array(z.string());
const orEmpty = <T extends z.ZodType>(schema: z.ZodArray<T>) => schema.nullable().transform((items) => items ?? []);

const serverRow = z.object({
  major: z.number().int(),
  database: z.string(),
  user: z.string(),
  encoding: z.string(),
  ctype: z.string(),
  path: orEmpty(names),
  movers: orEmpty(z.array(z.tuple([z.string(), z.string()]))),
  builtins: z.string(),
  oid: z.number(),
  names_itself: z.boolean(),
  prepared: z.boolean(),
});
const relationRow = z.tuple([
  z.number(),
  z.string(),
  z.string(),
  z.string(),
  z.number(),
  orEmpty(z.array(z.tuple([z.number(), z.string(), z.string(), z.number()]))),
  z.boolean(),
]);
const functionRow = z.tuple([
  z.number(),
  z.string(),
  z.string(),
  z.enum(['f', 'p', 'a', 'w']),
  z.enum(['i', 's', 'v']),
  z.string(),
  z.boolean(),
  z.boolean(),
  orEmpty(names),
  z.string(),
  z.string().nullable(),
  orEmpty(names),
  orEmpty(names),
  z.number(),
  z.boolean(),
  z.boolean(),
  z.string(),
  z.boolean(),
  z.boolean(),
  z.boolean(),
]);
const keyRow = z.tuple([z.number(), z.array(z.number())]);
const foreignTableRow = z.tuple([
  z.number(),
  z.string(),
  z.string(),
  orEmpty(z.array(z.tuple([z.number(), z.string()]))),
]);
const pairRow = z.tuple([z.number(), z.number()]);
const triggerRow = z.tuple([z.number(), z.number(), z.string(), z.string()]);
const eventTriggerRow = z.tuple([z.string(), z.string()]);
const ruleRow = z.tuple([z.number(), z.enum(['1', '2', '3', '4']), z.number(), z.string()]);
const expressionRow = z.tuple([z.number(), z.number(), z.boolean(), z.number(), z.string()]);
const foreignKeyRow = z.tuple([
  z.number(),
  z.array(z.number()),
  z.number(),
  z.array(z.number()),
  z.string(),
  z.string(),
]);
const typeRow = z.tuple([z.string(), z.string().nullable(), z.number()]);

/**
 * Reads what analysis needs of a database's catalog, over the gateway's own connection to it. The server's own functions
 * are most of it and hardly ever change: those `known` from an earlier reading are taken while their rows are the same.
 * Definitions that others lock are taken from that reading, too, where they must still be what they were.
 */
export async function readCatalog(
  query: CatalogQuery,
  known: Pick<RawCatalog, 'builtins' | 'printed'> = {},
): Promise<RawCatalog> {
  const rows = async <T>(sql: string, schema: z.ZodType<T>): Promise<readonly T[]> => decode(await query(sql), schema);
  const [server] = await rows(catalogQueries.server, serverRow);
  if (server === undefined)
    throw new SluiceError('protocol', 'The target did not describe itself.', { decider: 'target' });
  // First of all: what else is asked may have another form there.
  requireParser(server.major);
  const [cluster] = server.names_itself ? await rows(catalogQueries.cluster, z.string()) : [];
  const relations = await rows(catalogQueries.relations, relationRow);
  const functions = await rows(catalogQueries.functions(server.major, 'other'), functionRow);
  const builtins =
    known.builtins?.mark === server.builtins
      ? known.builtins
      : {
          mark: server.builtins,
          functions: (await rows(catalogQueries.functions(server.major, 'builtin'), functionRow)).map((row) =>
            toFunction(row, null),
          ),
        };
  const types = await rows(catalogQueries.types, typeRow);
  const inherits = await rows(catalogQueries.inherits, pairRow);
  const partitioned = await rows(catalogQueries.partitioned, keyRow);
  const primaryKeys = await rows(catalogQueries.primaryKeys, keyRow);
  const foreignTables = await rows(catalogQueries.foreignTables, foreignTableRow);
  const triggers = await rows(catalogQueries.triggers, triggerRow);
  const eventTriggers = await rows(catalogQueries.eventTriggers, eventTriggerRow);
  const rewrites = await rows(catalogQueries.rules, ruleRow);
  const expressions = await rows(catalogQueries.expressions, expressionRow);
  const foreignKeys = await rows(catalogQueries.foreignKeys, foreignKeyRow);
  const calls = await readCalls(rows);
  const collations = await readCollations(rows);
  const rules = rewrites.filter(([, event]) => event !== '1');
  const printed = await readDefinitions(
    query,
    [
      ...relations.filter(([, , , , , , isPrinted]) => isPrinted).map(([oid]) => ({ kind: 'view' as const, oid })),
      ...rules.map(([, , oid]) => ({ kind: 'rule' as const, oid })),
      ...functions.filter(hasParsedBody).map(([oid]) => ({ kind: 'body' as const, oid })),
      ...functions.filter(hasDefaults).map(([oid]) => ({ kind: 'defaults' as const, oid })),
      ...expressions.map(([, , , oid]) => ({ kind: 'expression' as const, oid })),
    ],
    JSON.stringify([server, relations, functions, types, rewrites, expressions, calls.operators]),
    known.printed ?? null,
  );
  return {
    serverMajor: server.major,
    database: server.database,
    encoding: server.encoding,
    ctype: server.ctype,
    currentUser: server.user,
    searchPath: server.path,
    movers: server.movers,
    prepared: server.prepared,
    identity: cluster === undefined ? null : `${cluster}/${server.oid}`,
    printed,
    relations: relations.map(([oid, schema, name, kind, rowType, columns]) => ({
      oid,
      schema,
      name,
      kind,
      rowType,
      definition: printedText(printed, 'view', oid),
      columns: columns.map(([attnum, column, type, typeOid]) => ({ attnum, name: column, type, typeOid })),
    })),
    functions: functions.map((row) => toFunction(row, printed)),
    builtins,
    types: types.map(([name, internal, base]) => ({ name, internal, base })),
    triggers: triggers.map(([relation, type, functionSchema, functionName]) => ({
      ...{ relation, type, functionSchema, functionName },
    })),
    eventTriggers: eventTriggers.map(([functionSchema, functionName]) => ({ functionSchema, functionName })),
    rules: rules.flatMap(([relation, event, oid]) =>
      event === '1' ? [] : [{ relation, event: ruleEvents[event], definition: printedText(printed, 'rule', oid) }],
    ),
    expressions: expressions.map(([relation, attnum, generated, oid]) => ({
      ...{ relation, attnum, generated },
      text: printedText(printed, 'expression', oid),
    })),
    foreignKeys: foreignKeys.map(([child, childColumns, parent, parentColumns, onUpdate, onDelete]) => ({
      ...{ child, childColumns, parent, parentColumns, onUpdate, onDelete },
    })),
    partitioned: partitioned.map(([relation, columns]) => ({ relation, columns })),
    primaryKeys: primaryKeys.map(([relation, columns]) => ({ relation, columns })),
    foreignTables: foreignTables.map(([relation, schema, table, columns]) => ({ relation, schema, table, columns })),
    inherits: inherits.map(([child, parent]) => ({ child, parent })),
    collations,
    ...calls,
  };
}

const ruleEvents = { 2: 'update', 3: 'insert', 4: 'delete' } as const;

function decode<T>(rows: readonly { readonly row: string | null }[], schema: z.ZodType<T>): readonly T[] {
  if (rows.length > maxRows) throw new SluiceError('too_large', 'The target has too many objects to analyse.');
  return rows.map(({ row }) => {
    const parsed = schema.safeParse(JSON.parse(row ?? 'null'));
    if (!parsed.success)
      throw new SluiceError('protocol', 'The target described its catalog in a form that is not known.', {
        decider: 'target',
        cause: parsed.error,
      });
    return parsed.data;
  });
}

/** Written in the standard's way (`begin atomic`): kept parsed, and printed. */
const hasParsedBody = (row: z.infer<typeof functionRow>): boolean => row[17] && row[10] !== null;

const hasDefaults = (row: z.infer<typeof functionRow>): boolean => row[13] < row[8].length;

function toFunction(
  row: z.infer<typeof functionRow>,
  printed: PrintedDefinitions | null,
): RawCatalog['functions'][number] {
  const [oid, schema, name, kind, volatility, language, securityDefiner, returnsSet] = row;
  const [
    ,
    ,
    ,
    ,
    ,
    ,
    ,
    ,
    argTypes,
    returnType,
    source,
    outNames,
    argNames,
    minArgs,
    variadic,
    extension,
    mark,
    ,
    used,
    strict,
  ] = row;
  const body = printed !== null && hasParsedBody(row) ? printedText(printed, 'body', oid) : source;
  const base = {
    oid,
    schema,
    name,
    kind,
    volatility,
    language,
    securityDefiner,
    returnsSet,
    argTypes,
    returnType,
    body,
    outNames,
  };
  if (schema === 'pg_catalog') return base;
  const defaults = printed !== null && hasDefaults(row) ? printedText(printed, 'defaults', oid) : null;
  return { ...base, argNames, minArgs, defaults, variadic, extension, mark, used, strict };
}
