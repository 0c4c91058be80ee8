import { z } from 'zod';
import type { RawCatalog } from './postgres-types.js';

/** Types, and those that they are part of: arrays, ranges, composites and domains. */
const part = `part(inner_type, outer_type) as (
      select t.typbasetype, t.oid from pg_catalog.pg_type t where t.typtype = 'd'
      union all select t.typelem, t.oid from pg_catalog.pg_type t where t.typelem >= 16384
      union all select r.rngsubtype, r.rngtypid from pg_catalog.pg_range r where r.rngsubtype >= 16384
      union all select r.rngtypid, (pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::oid from pg_catalog.pg_range r
        where r.rngsubtype >= 16384 and pg_catalog.to_jsonb(r) ? 'rngmultitypid'
      union all select a.atttypid, c.reltype from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid
        where a.atttypid >= 16384 and a.attnum > 0 and not a.attisdropped and c.reltype <> 0)`;

/** Installed by an extension. */
const extended = (catalog: string, oid: string): string => `exists (select from pg_catalog.pg_depend d
        where d.classid = 'pg_catalog.${catalog}'::pg_catalog.regclass and d.objid = ${oid} and d.deptype = 'e')`;

/** What calls the functions of users without a call in the text. */
const queries = {
  operators: `select pg_catalog.json_build_array(n.nspname, o.oprname, fn.nspname, p.proname,
      pg_catalog.format_type(nullif(o.oprleft, 0), null), pg_catalog.format_type(nullif(o.oprright, 0), null))::text as row
    from pg_catalog.pg_operator o join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
      join pg_catalog.pg_proc p on p.oid = o.oprcode join pg_catalog.pg_namespace fn on fn.oid = p.pronamespace
    where o.oid >= 16384 and not ${extended('pg_operator', 'o.oid')} order by o.oid`,

  // A domain's checks run wherever the domain is part of a type: in arrays, ranges, composites and domains over it.
  typeCalls: `with recursive ${part},
    checked(type, fn) as (select k.contypid, d.refobjid from pg_catalog.pg_constraint k join pg_catalog.pg_depend d
        on d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass and d.objid = k.oid
          and d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass where k.contypid <> 0
      union select part.outer_type, checked.fn from checked join part on part.inner_type = checked.type)
    select pg_catalog.json_build_array(tn.nspname, t.typname, fn.nspname, p.proname, t.oid::int8,
      pg_catalog.format_type(nullif(x.source, 0), null), x.source::int8, x.implicit)::text as row
    from (select c.casttarget as type, c.castfunc as fn, c.castsource as source, c.castcontext = 'i' as implicit
        from pg_catalog.pg_cast c where c.castfunc >= 16384 and not ${extended('pg_cast', 'c.oid')}
      union select type, fn, 0, false from checked) x
      join pg_catalog.pg_type t on t.oid = x.type join pg_catalog.pg_namespace tn on tn.oid = t.typnamespace
      join pg_catalog.pg_proc p on p.oid = x.fn join pg_catalog.pg_namespace fn on fn.oid = p.pronamespace`,

  // Operator classes: by type, wherever its values are sorted, grouped or compared as part of others; by relation where an
  // index or the key of a partitioned table is kept by one.
  comparisons: `with recursive ${part},
    own(family, fn, type) as (
      select a.amprocfamily, a.amproc::oid, t from pg_catalog.pg_amproc a,
        pg_catalog.unnest(array[a.amproclefttype, a.amprocrighttype]) t where a.amproc >= 16384
      union select a.amopfamily, o.oprcode::oid, t from pg_catalog.pg_amop a join pg_catalog.pg_operator o on o.oid = a.amopopr,
        pg_catalog.unnest(array[a.amoplefttype, a.amoprighttype]) t where o.oprcode >= 16384),
    compared(type, fn) as (select type, fn from own where type >= 16384 or exists (select from pg_catalog.pg_opclass c
        where c.opcfamily = own.family and c.opcintype = own.type and c.opcdefault)
      union select r.rngtypid, f::oid from pg_catalog.pg_range r, pg_catalog.unnest(array[r.rngsubdiff, r.rngcanonical]) f where f >= 16384
      union select part.outer_type, compared.fn from compared join part on part.inner_type = compared.type),
    kept(relation, class) as (
      select i.indrelid, c from pg_catalog.pg_index i, pg_catalog.unnest(i.indclass::oid[]) c
      union select p.partrelid, c from pg_catalog.pg_partitioned_table p, pg_catalog.unnest(p.partclass::oid[]) c)
    select pg_catalog.json_build_array(x.type, x.relation::int8, fn.nspname, p.proname)::text as row
    from (select pg_catalog.format_type(type, null) as type, 0::oid as relation, fn from compared
      union select '', kept.relation, own.fn from kept join pg_catalog.pg_opclass c on c.oid = kept.class
        join own on own.family = c.opcfamily) x
      join pg_catalog.pg_proc p on p.oid = x.fn join pg_catalog.pg_namespace fn on fn.oid = p.pronamespace
    where not ${extended('pg_proc', 'x.fn')} order by 1`,
} as const;

const type = z.string().nullable();
const operatorRow = z.tuple([z.string(), z.string(), z.string(), z.string(), type, type]);
const typeCallRow = z.tuple([
  z.string(),
  z.string(),
  z.string(),
  z.string(),
  z.number(),
  type,
  z.number(),
  z.boolean(),
]);
const comparisonRow = z.tuple([z.string(), z.number(), z.string(), z.string()]);

/** Reads them, by what runs a query and checks its rows. */
export async function readCalls(
  rows: <T>(sql: string, schema: z.ZodType<T>) => Promise<readonly T[]>,
): Promise<Required<Pick<RawCatalog, 'operators' | 'typeCalls' | 'comparisons'>>> {
  const operators = await rows(queries.operators, operatorRow);
  const typeCalls = await rows(queries.typeCalls, typeCallRow);
  const comparisons = await rows(queries.comparisons, comparisonRow);
  return {
    operators: operators.map(([schema, name, functionSchema, functionName, left, right]) => ({
      ...{ schema, name, functionSchema, functionName, left, right },
    })),
    typeCalls: typeCalls.map(([schema, name, functionSchema, functionName, oid, source, sourceOid, implicit]) => ({
      ...{ schema, name, functionSchema, functionName, oid, source, sourceOid, implicit },
    })),
    comparisons: comparisons.map(([name, relation, functionSchema, functionName]) => ({
      ...{ type: name, relation, functionSchema, functionName },
    })),
  };
}
