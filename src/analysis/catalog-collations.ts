import { z } from 'zod';
import { vague } from './postgres/value.js';
import type { RawCollation } from './postgres-types.js';

/** Those of the database (100) and of its `name`s are not asked for. */
const query = `select pg_catalog.json_build_array(a.attrelid::int8, a.attnum,
      case a.attcollation when 950 then 'C' else a.attcollation::text end, c.collisdeterministic)::text as row
    from pg_catalog.pg_attribute a join pg_catalog.pg_collation c on c.oid = a.attcollation
    where a.attcollation not in (0, 100) and a.attnum > 0 and not a.attisdropped and a.atttypid <> 19
    order by a.attrelid, a.attnum`;

const row = z.tuple([z.number(), z.number(), z.string(), z.boolean()]);

/** Reads which columns have collations of their own, by what runs a query and checks its rows. */
export async function readCollations(
  rows: <T>(sql: string, schema: z.ZodType<T>) => Promise<readonly T[]>,
): Promise<readonly RawCollation[]> {
  const found = await rows(query, row);
  return found.map(([relation, attnum, name, isExact]) => ({
    ...{ relation, attnum, name: isExact ? name : `${name}${vague}` },
  }));
}
