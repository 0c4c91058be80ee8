import { readFile } from 'node:fs/promises';
import type { RawCatalog, RawFunction, RawRelation } from '../../analysis/postgres-types.js';
import type { DeclaredCatalog } from './fixture-schema.js';

/** PostgreSQL's own functions and relations, which every database has. */
export interface SystemCatalog {
  readonly functions: readonly RawFunction[];
  readonly relations: readonly RawRelation[];
}

const letters = { immutable: 'i', stable: 's', volatile: 'v' } as const;
/** What a database gives its own objects. FirstNormalObjectId, transam.h. */
const firstOwnOid = 16_384;

/** Reads the list that is shipped; written by scripts/write-system-catalog.js from a real server. */
export async function readSystemCatalog(): Promise<SystemCatalog> {
  const text = await readFile(new URL('./system-catalog.txt', import.meta.url), 'utf8');
  const functions: RawFunction[] = [];
  const relations: RawRelation[] = [];
  let oid = 1;
  for (const line of text.split('\n')) {
    const [type, name = '', third = '', fourth = ''] = line.split('\t');
    if (type === 'f') functions.push(builtin(oid++, name, third, fourth));
    if (type === 'r') relations.push(relation(oid++, name, third, fourth.split(','), null));
  }
  return { functions, relations };
}

/** What a fixture declares, as if it had been read from a server. */
export function declareCatalog(declared: DeclaredCatalog, database: string, system: SystemCatalog): RawCatalog {
  let oid = firstOwnOid;
  const tables = Object.entries(declared.tables).map(([name, columns]) => relation(oid++, name, 'r', columns, null));
  const views = Object.entries(declared.views).map(([name, view]) =>
    relation(oid++, name, 'v', view.columns, view.definition),
  );
  const functions = Object.entries(declared.functions).map(([name, fn]): RawFunction => ({
    ...named(name),
    oid: oid++,
    kind: fn.procedure ? 'p' : 'f',
    volatility: letters[fn.volatility],
    language: fn.language,
    securityDefiner: false,
    returnsSet: false,
    argTypes: fn.arguments,
    returnType: fn.returns,
    body: fn.body,
    outNames: [],
  }));
  return {
    serverMajor: declared.major,
    database: declared.database ?? database,
    currentUser: 'sluice',
    searchPath: declared.searchPath,
    relations: [...system.relations, ...tables, ...views],
    functions: [...system.functions, ...functions],
    inherits: [],
  };
}

function named(qualified: string): { readonly schema: string; readonly name: string } {
  const dot = qualified.indexOf('.');
  return { schema: qualified.slice(0, dot), name: qualified.slice(dot + 1) };
}

function relation(
  oid: number,
  qualified: string,
  kind: string,
  columns: readonly string[],
  definition: string | null,
): RawRelation {
  return {
    ...named(qualified),
    oid,
    kind,
    // Row types are numbered apart from relations, so that neither is ever taken for the other.
    rowType: 1_000_000 + oid,
    definition,
    columns: columns.map((column, index) => {
      const space = column.indexOf(' ');
      const [name, type] = space === -1 ? [column, 'text'] : [column.slice(0, space), column.slice(space + 1).trim()];
      return { attnum: index + 1, name, type, typeOid: 25 };
    }),
  };
}

function builtin(oid: number, name: string, flags: string, outs: string): RawFunction {
  const volatility = flags.startsWith('i') ? 'i' : flags.startsWith('s') ? 's' : 'v';
  return {
    oid,
    schema: 'pg_catalog',
    name,
    kind: 'f',
    volatility,
    language: 'internal',
    securityDefiner: false,
    returnsSet: flags.endsWith('*'),
    argTypes: [],
    returnType: '',
    body: null,
    outNames: outs === '' ? [] : outs.split(','),
  };
}
