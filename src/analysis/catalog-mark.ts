import { SluiceError } from '../lib/errors.js';
import type { CatalogQuery } from './catalog.js';

/** A catalog's rows that `readCatalog` depends on, each as its key, and `as x` what they are taken from. */
const markedRows: readonly (readonly [key: string, from: string])[] = [
  ['x.oid', 'kept x'],
  ['x.oid', "pg_catalog.pg_namespace x where x.nspname !~ '^pg_(toast_)?temp_'"],
  ['x.attrelid, x.attnum', 'kept join pg_catalog.pg_attribute x on x.attrelid = kept.oid where x.attnum > 0'],
  ['x.ftrelid', 'kept join pg_catalog.pg_foreign_table x on x.ftrelid = kept.oid'],
  ['x.oid', 'pg_catalog.pg_foreign_server x'],
  ['x.oid', 'kept join pg_catalog.pg_rewrite x on x.ev_class = kept.oid'],
  ['x.oid', 'kept join pg_catalog.pg_trigger x on x.tgrelid = kept.oid where not x.tgisinternal'],
  ['x.oid', 'kept join pg_catalog.pg_attrdef x on x.adrelid = kept.oid'],
  ['x.oid', "kept join pg_catalog.pg_constraint x on x.conrelid = kept.oid where x.contype in ('f', 'p')"],
  ['x.oid', 'pg_catalog.pg_constraint x where x.contypid <> 0'],
  ['x.inhrelid, x.inhparent', 'kept join pg_catalog.pg_inherits x on x.inhrelid = kept.oid'],
  ['x.oid', 'pg_catalog.pg_proc x where not (x.pronamespace = any (array(select oid from passing)))'],
  ['x.oid', 'pg_catalog.pg_type x where not (x.typnamespace = any (array(select oid from passing)))'],
  ['x.rngtypid', 'pg_catalog.pg_range x where x.rngtypid >= 16384'],
  ['x.oid', 'pg_catalog.pg_operator x where x.oid >= 16384'],
  ['x.oid', 'pg_catalog.pg_cast x where x.oid >= 16384'],
  ['x.oid', 'pg_catalog.pg_amproc x where x.oid >= 16384'],
  ['x.oid', 'pg_catalog.pg_amop x where x.oid >= 16384'],
  [
    'x.indexrelid',
    'kept join pg_catalog.pg_index x on x.indrelid = kept.oid where exists (select from pg_catalog.unnest(x.indclass::oid[]) c where c >= 16384)',
  ],
  ['x.oid', 'pg_catalog.pg_language x'],
  ['x.oid', 'pg_catalog.pg_event_trigger x'],
  [
    'x.classid, x.objid',
    "pg_catalog.pg_depend x where x.deptype = 'e' or (x.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass and x.refobjid >= 16384)",
  ],
];

const marks = markedRows.map(
  ([key, from]) =>
    `(select pg_catalog.string_agg(pg_catalog.concat_ws(' ', ${key}, x.xmin), ',' order by ${key}) from ${from})`,
);

/**
 * One value that is another once anything that `catalogQueries` read has changed: a digest over the versions of the rows.
 * A row's version (xmin) is the transaction that wrote it, so a view that is replaced under its old name shows. What
 * sessions make for themselves in temporary schemas does not.
 */
const markQuery = `with passing as (
      select n.oid from pg_catalog.pg_namespace n where n.nspname ~ '^pg_(toast_)?temp_'),
    kept as (select c.oid, c.xmin from pg_catalog.pg_class c where c.relkind in ('r', 'v', 'm', 'f', 'p', 'S', 'c')
      and not (c.relnamespace = any (array(select oid from passing))))
  select pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.to_json(array[current_user::text,
    pg_catalog.current_schemas(false)::text, exists (select from pg_catalog.pg_prepared_xacts p
      where p.database = pg_catalog.current_database())::text,
    ${marks.join(',\n    ')}])::text, 'UTF8')), 'hex') as row`;

/** What `readCatalog` would read, as one opaque value: while it stays the same, so does that. Costs a few milliseconds. */
export async function readCatalogMark(query: CatalogQuery): Promise<string> {
  const [answer] = await query(markQuery);
  if (answer?.row == null)
    throw new SluiceError('protocol', 'The target did not say which version its catalog is.', { decider: 'target' });
  return answer.row;
}
