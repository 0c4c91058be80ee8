import { createHash } from 'node:crypto';
import { z } from 'zod';
import { SluiceError } from '../lib/errors.js';
import type { CatalogQuery } from './catalog.js';
import type { PrintedDefinitions } from './postgres-types.js';

/** What the server prints of what it keeps parsed: views, rules, bodies of SQL functions, defaults of parameters and columns. */
export type PrintedKind = (typeof kinds)[number];

/** One of them: `oid` is the relation's for a view, else of its own row in `pg_rewrite`, `pg_proc` or `pg_attrdef`. */
export interface Printed {
  readonly kind: PrintedKind;
  readonly oid: number;
}

const kinds = ['view', 'rule', 'body', 'defaults', 'expression'] as const;
const batchSize = 200;
const attempts = 5;
const printedRow = z.tuple([z.number(), z.string().nullable()]);
const heldRow = z.tuple([z.enum(kinds), z.number()]);

const printing: Readonly<Record<PrintedKind, (oids: string) => string>> = {
  view: (oids) => `select pg_catalog.json_build_array(c.oid::int8, pg_catalog.pg_get_viewdef(c.oid))::text as row
    from pg_catalog.pg_class c where c.oid in (${oids})`,
  rule: (oids) => `select pg_catalog.json_build_array(r.oid::int8, pg_catalog.pg_get_ruledef(r.oid))::text as row
    from pg_catalog.pg_rewrite r where r.oid in (${oids})`,
  body: (
    oids,
  ) => `select pg_catalog.json_build_array(p.oid::int8, pg_catalog.pg_get_function_sqlbody(p.oid))::text as row
    from pg_catalog.pg_proc p where p.oid in (${oids})`,
  defaults: (
    oids,
  ) => `select pg_catalog.json_build_array(p.oid::int8, pg_catalog.pg_get_expr(p.proargdefaults, 0))::text as row
    from pg_catalog.pg_proc p where p.oid in (${oids})`,
  expression: (
    oids,
  ) => `select pg_catalog.json_build_array(d.oid::int8, pg_catalog.pg_get_expr(d.adbin, d.adrelid))::text as row
    from pg_catalog.pg_attrdef d where d.oid in (${oids})`,
};

/** Relations that somebody holds, or waits to hold, against every reader, and the definitions that name one of them. */
const heldQuery = `with held as (select distinct l.relation from pg_catalog.pg_locks l
      where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock' and l.pid is distinct from pg_catalog.pg_backend_pid()
        and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())),
    naming as (select d.classid, d.objid from pg_catalog.pg_depend d
      where d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid in (select relation from held))
  select pg_catalog.json_build_array('view', relation::int8)::text as row from held
  union all select pg_catalog.json_build_array('view', r.ev_class::int8)::text from pg_catalog.pg_rewrite r
    join naming on naming.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and naming.objid = r.oid where r.ev_type = '1'
  union all select pg_catalog.json_build_array('rule', r.oid::int8)::text from pg_catalog.pg_rewrite r
    where r.ev_class in (select relation from held) or r.oid in (select objid from naming
      where classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass)
  union all select pg_catalog.json_build_array('body', objid::int8)::text from naming
    where classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  union all select pg_catalog.json_build_array('expression', d.oid::int8)::text from pg_catalog.pg_attrdef d
    where d.adrelid in (select relation from held)`;

/** The text of a definition; null when another session holds what it names to itself, and it was not known before. */
export function printedText(printed: PrintedDefinitions, kind: PrintedKind, oid: number): string | null {
  return printed.texts.get(`${kind} ${oid}`) ?? null;
}

/**
 * Has the server print what it keeps parsed. Printing takes the locks of a reader on every relation that is named, and so
 * would wait behind a long migration and, with two relations, be half of a deadlock whose victim is the migration. So a
 * query that can give up its wait does (`CatalogQuery.bounded`), a few hundred definitions are printed at a time, and what
 * others hold to themselves is left out: it is what it was, when `basis` (all that the texts' meaning depends on) is what
 * it was, and else not known until they have ended.
 *
 * @throws SluiceError `timeout` when others take what is to be printed faster than it can be left out
 */
export async function readDefinitions(
  query: CatalogQuery,
  wanted: readonly Printed[],
  basis: string,
  known: PrintedDefinitions | null,
): Promise<PrintedDefinitions> {
  const digest = createHash('sha256').update(basis).digest('base64');
  const texts = new Map<string, string>();
  for (const kind of kinds) {
    const oids = wanted.filter((item) => item.kind === kind).map(({ oid }) => oid);
    for (let at = 0; at < oids.length; at += batchSize)
      for (const { row } of await print(query, kind, oids.slice(at, at + batchSize))) {
        const [oid, text] = printedRow.parse(JSON.parse(row ?? 'null'));
        if (text !== null) texts.set(`${kind} ${oid}`, text);
      }
  }
  const left = wanted.map(({ kind, oid }) => `${kind} ${oid}`).filter((key) => !texts.has(key));
  for (const key of left) {
    const text = known?.basis === digest ? known.texts.get(key) : undefined;
    if (text !== undefined) texts.set(key, text);
  }
  return { basis: digest, texts, complete: left.length === 0 };
}

async function print(query: CatalogQuery, kind: PrintedKind, oids: readonly number[]): ReturnType<CatalogQuery> {
  if (query.bounded === undefined) return await query(printing[kind](oids.join(', ')));
  let free = oids;
  for (let attempt = 0; free.length > 0 && attempt < attempts; attempt++) {
    const rows = await query.bounded(printing[kind](free.join(', ')));
    if (rows !== null) return rows;
    const held = (await query(heldQuery)).map(({ row }) => heldRow.parse(JSON.parse(row ?? 'null')));
    const taken = new Set(held.filter(([of]) => of === kind).map(([, oid]) => oid));
    free = oids.filter((oid) => !taken.has(oid));
  }
  if (free.length === 0) return [];
  throw new SluiceError('timeout', 'Others lock what the target keeps definitions of, faster than it can be read.', {
    decider: 'target',
    retryable: true,
  });
}
