import type { Effect } from '../../../src/analysis/effects.js';
import type {
  ClassifiedColumns,
  QueryAnalysis,
  RawCatalog,
  RawFunction,
  RawRelation,
  StatementAnalysis,
} from '../../../src/analysis/postgres-types.js';
import { analyseQuery, readExpression, readView } from '../../../src/analysis/postgres/analyse.js';
import { Catalog } from '../../../src/analysis/postgres/catalog-model.js';
import { loadParser } from '../../../src/analysis/postgres/parser.js';

let nextOid = 16_400;

function relation(name: string, columns: string, extra: Partial<RawRelation> = {}): RawRelation {
  const oid = nextOid++;
  return {
    oid,
    schema: 'public',
    name,
    kind: 'r',
    rowType: oid + 10_000,
    columns: columns.split(',').map((column, index) => {
      const [own = '', type = 'text'] = column.trim().split(' ');
      return { attnum: index + 1, name: own, type, typeOid: 25 };
    }),
    definition: null,
    ...extra,
  };
}

function fn(name: string, extra: Partial<RawFunction> = {}): RawFunction {
  return {
    oid: nextOid++,
    schema: 'public',
    name,
    kind: 'f',
    volatility: 'v',
    language: 'plpgsql',
    securityDefiner: false,
    returnsSet: false,
    argTypes: [],
    returnType: 'text',
    body: null,
    outNames: [],
    ...extra,
  };
}

/** pg_catalog functions the tests call: name:volatility, `*` marks a set, `(a,b)` its OUT columns. */
const builtins = `casefold:i unicode_assigned:i lower:i upper:i initcap:i length:i md5:i substr:i substring:i reverse:i concat:s concat_ws:s replace:i encode:i
  left:i right:i round:i abs:i repeat:i chr:i sqrt:i format:s row_to_json:s to_json:s to_jsonb:s json_agg:s json_build_object:s
  jsonb_build_object:s array_agg:i string_agg:i min:i max:i sum:i avg:i count:i row_number:i rank:i lag:i percentile_cont:i
  now:s date_part:i extract:i random:v clock_timestamp:v nextval:v setval:v pg_sleep:v pg_read_file:v pg_ls_dir*:v
  lo_import:v pg_terminate_backend:v pg_advisory_lock:v pg_reload_conf:v pg_notify:v set_config:v current_setting:s
  query_to_xml:v table_to_xml:s ts_stat*:v(word,ndoc,nentry) pg_table_is_visible:s pg_get_userbyid:s pg_table_size:v
  generate_series*:i unnest*:i jsonb_each_text*:i(key,value) jsonb_array_elements*:i json_to_recordset*:s(x) convert_from:s
  pg_stat_get_activity*:s(datid,query) pg_logical_slot_get_changes*:v(lsn,xid,data) pg_create_logical_replication_slot:v
  regexp_split_to_table*:i translate:i text:i int4:i coalesce:i split_part:i regexp_replace:i lpad:i array_remove:i array_append:i to_char:s hashtext:i to_tsvector:s timezone:i`;

function builtin(word: string): RawFunction {
  const [, name = '', set = '', volatility = 'i', outs = ''] = /^(\w+)(\*?):([isv])(?:\((.*)\))?$/.exec(word) ?? [];
  return fn(name, {
    schema: 'pg_catalog',
    language: 'internal',
    volatility: volatility as 'i' | 's' | 'v',
    returnsSet: set === '*',
    outNames: outs === '' ? [] : outs.split(','),
  });
}

const system = { schema: 'pg_catalog' };

/** The shop: what the quickstart seeds, and more of what can go wrong. */
export function shopCatalog(): RawCatalog {
  const customers = relation(
    'customers',
    'id integer,name text,email text,phone text,card_number text,national_id text,city text,tags text[],profile jsonb',
  );
  const people = relation('people', 'id integer,ssn text,region text', { kind: 'p' });
  const peopleEu = relation('people_eu', 'ssn text,region text,id integer');
  return {
    serverMajor: 15,
    database: 'shop',
    currentUser: 'sluice_gateway',
    searchPath: ['public'],
    relations: [
      customers,
      relation('employees', 'id integer,name text,salary integer,bonus integer,dept text'),
      relation('orders', 'id integer,customer_id integer,total numeric,status text'),
      relation('payments', 'id integer,order_id integer,card_number text,amount numeric'),
      relation('notes', 'id integer,body text'),
      people,
      peopleEu,
      relation('contacts', 'id integer,contact text,lowered text', {
        kind: 'v',
        definition: 'SELECT id, email AS contact, lower(email) AS lowered FROM customers;',
      }),
      relation('nested', 'c2 text,name text', {
        kind: 'v',
        definition: 'SELECT k.contact AS c2, c.name FROM contacts k JOIN customers c ON c.id = k.id;',
      }),
      relation('order_totals', 'id integer,total numeric,name text', {
        kind: 'v',
        definition: 'SELECT o.id, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer_id;',
      }),
      relation('mat_contacts', 'id integer,contact text', {
        kind: 'm',
        definition: 'SELECT id, email AS contact FROM customers;',
      }),
      relation('plain_orders', 'id integer,status text', { kind: 'v', definition: 'SELECT id, status FROM orders;' }),
      relation('wiping', 'x integer', { kind: 'v', definition: 'SELECT wipe(o.*) AS x FROM orders o;' }),
      relation('broken', 'x integer', { kind: 'v', definition: 'SELEC 1' }),
      relation('loop', 'x integer', { kind: 'v', definition: 'SELECT x FROM loop' }),
      relation('pg_class', 'oid oid,relname name,relkind char,relowner oid,relnamespace oid', system),
      relation('pg_settings', 'name text,setting text', { ...system, kind: 'v' }),
      relation('pg_namespace', 'oid oid,nspname name', system),
      relation('pg_stats', 'schemaname name,tablename name,most_common_vals anyarray', { ...system, kind: 'v' }),
      relation('pg_stat_activity', 'pid integer,query text,state text', { ...system, kind: 'v' }),
      relation('pg_authid', 'oid oid,rolname name,rolpassword text', system),
      relation('pg_largeobject', 'loid oid,pageno integer,data bytea', system),
    ],
    functions: [
      ...builtins.split(/\s+/).map(builtin),
      fn('customer_email', {
        language: 'sql',
        volatility: 's',
        argTypes: ['integer'],
        body: 'SELECT email FROM customers WHERE id = $1',
      }),
      fn('customer_name', {
        language: 'sql',
        volatility: 's',
        argTypes: ['integer'],
        argNames: ['who'],
        body: 'SELECT name FROM customers WHERE id = who',
      }),
      fn('identity', { language: 'sql', volatility: 'i', argTypes: ['text'], argNames: ['x'], body: 'SELECT x' }),
      fn('all_customers', {
        language: 'sql',
        volatility: 's',
        returnsSet: true,
        returnType: 'customers',
        body: 'SELECT * FROM customers',
      }),
      fn('atomic', { language: 'sql', volatility: 's', body: 'BEGIN ATOMIC\n SELECT phone FROM customers;\nEND' }),
      fn('plus_one', {
        language: 'sql',
        volatility: 's',
        argTypes: ['integer'],
        argNames: ['x'],
        body: 'RETURN (x + 1)',
      }),
      fn('purge', { language: 'sql', volatility: 'v', body: 'DELETE FROM orders; SELECT 1' }),
      fn('recursive', { language: 'sql', volatility: 's', body: 'SELECT recursive()' }),
      fn('opaque', { argTypes: ['text'], volatility: 'i' }),
      fn('wipe', { argTypes: ['orders'] }),
      fn('wipe_all', { argTypes: [] }),
      fn('initcap', { argTypes: ['character varying'], returnType: 'text' }),
      fn('notify_change', { returnType: 'trigger' }),
      fn('do_it', { kind: 'p', argTypes: ['integer'] }),
      fn('digest', { language: 'c', volatility: 'i', argTypes: ['text', 'text'], extension: true }),
      fn('op_fn', { argTypes: ['integer', 'integer'] }),
      fn('check_it', { argTypes: ['text'] }),
    ],
    inherits: [{ child: peopleEu.oid, parent: people.oid }],
    operators: [{ schema: 'public', name: '===', functionSchema: 'public', functionName: 'op_fn' }],
    typeCalls: [{ schema: 'public', name: 'checked', functionSchema: 'public', functionName: 'check_it' }],
  };
}

/** What is protected in the shop. */
export const shopClasses: ClassifiedColumns = {
  target: 'demo-db',
  columns: [
    { schema: 'public', table: 'customers', column: 'email', class: 'email' },
    { schema: 'public', table: 'customers', column: 'phone', class: 'phone' },
    { schema: '*', table: '*', column: 'card_number', class: 'card' },
    { schema: 'public', table: 'customers', column: 'national_*', class: 'national-id' },
    { schema: 'public', table: 'customers', column: 'tags', class: 'secret' },
    { schema: 'public', table: 'customers', column: 'profile', class: 'secret' },
    { schema: 'public', table: 'employees', column: 'salary', class: 'salary' },
    { schema: 'public', table: 'people', column: 'ssn', class: 'ssn' },
  ],
};

/** Analyses on this thread, without a worker. */
export async function shopAnalyser(
  major = 15,
  classified: ClassifiedColumns = shopClasses,
): Promise<(sql: string) => QueryAnalysis> {
  const parse = await loadParser(major);
  const raw = { ...shopCatalog(), serverMajor: major };
  const catalog = new Catalog(
    raw,
    classified,
    (reading, definition, columns) => readView(parse, reading, definition, columns),
    (reading, text, fields) => readExpression(parse, reading, text, fields),
  );
  return (sql) => analyseQuery(parse, catalog, sql);
}

/** The only statement of an analysis that must have succeeded. */
export function only(analysis: QueryAnalysis): StatementAnalysis {
  if (!analysis.ok) throw new Error(analysis.message);
  const [statement] = analysis.statements;
  if (statement === undefined || analysis.statements.length !== 1) throw new Error('not one statement');
  return statement;
}

/** `delete public.orders !filtered`: an effect without the root that all share. */
export function effectText(effect: Effect): string {
  const { facts, resource } = effect;
  return [
    effect.action,
    resource.path.slice(2).join('.') || '@',
    facts.object && `{${facts.object}}`,
    facts.source && `[${facts.source} ${facts.volatility}]`,
    facts.filtered ? '' : '!unfiltered',
    facts.temporary ? 'temp' : '',
  ]
    .filter((part) => part !== '')
    .join(' ');
}

/** `email<customers.email>`, `lower<~customers.email>` for a derived one, `x<?>` for an unknown one, `id`. */
export function outputText(statement: StatementAnalysis): string {
  const { output } = statement;
  if (output === null || output === 'unknown') return String(output);
  return output
    .map(({ name, sources, derived, unknown }) => {
      if (unknown) return `${name}<?>`;
      if (sources.length === 0) return name;
      return `${name}<${derived ? '~' : ''}${sources.map((source) => `${source.table}.${source.column}`).join('+')}>`;
    })
    .join(', ');
}

/** The columns a statement infers from, `table.column`, sorted. */
export function inferred(statement: StatementAnalysis): readonly string[] {
  const effects = statement.effects.filter((effect) => effect.action === 'infer');
  return effects.map((effect) => effect.resource.path.slice(3).join('.')).toSorted();
}
