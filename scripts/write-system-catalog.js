// Writes what a PostgreSQL server has of its own (functions, system relations) for `policy test`, which judges statements
// without a server: node --import tsx scripts/write-system-catalog.ts
import { writeFile } from 'node:fs/promises';
import { startPostgres } from '../test/support/postgres.js';

const file = 'src/policy/testing/system-catalog.txt';
const postgres = await startPostgres();
try {
  const functions = await postgres.query(`
    select proname as name, max(provolatile::text) as volatility, bool_or(proretset) as set,
      max(case when proargmodes is not null then array_to_string(array(select proargnames[i]
        from generate_subscripts(proargmodes, 1) as i where proargmodes[i] in ('o', 'b', 't') order by i), ',') end) as outs
    from pg_proc where pronamespace = 'pg_catalog'::regnamespace and prokind in ('f', 'a', 'w') group by proname order by proname`);
  const relations = await postgres.query(`
    select nspname as schema, relname as name, relkind as kind, string_agg(attname || ' ' || format_type(atttypid, null), ',' order by attnum) as columns
    from pg_class join pg_namespace n on n.oid = relnamespace join pg_attribute on attrelid = pg_class.oid
    where nspname in ('pg_catalog', 'information_schema') and relkind in ('r', 'v') and attnum > 0 group by 1, 2, 3 order by 1, 2`);
  const lines = [
    ...functions.map(({ name, volatility, set, outs }) =>
      ['f', name, [volatility, set ? '*' : ''].join(''), outs ?? ''].join('\t'),
    ),
    ...relations.map(({ schema, name, kind, columns }) => ['r', [schema, name].join('.'), kind, columns].join('\t')),
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
} finally {
  await postgres.stop();
}
