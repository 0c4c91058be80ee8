import { describe, expect, it } from 'vitest';
import { classify } from '../../../src/analysis/postgres/classify.js';
import type { ClassifiedColumns, RawCatalog } from '../../../src/analysis/postgres-types.js';

function catalogOf(relations: Readonly<Record<string, string>>, inherits: RawCatalog['inherits'] = []): RawCatalog {
  return {
    serverMajor: 15,
    database: 'd',
    currentUser: 'u',
    searchPath: ['public'],
    functions: [],
    inherits,
    relations: Object.entries(relations).map(([path, columns], index) => {
      const [schema = '', name = ''] = path.split('.');
      return {
        oid: index + 1,
        schema,
        name,
        kind: 'r',
        rowType: 0,
        definition: null,
        columns: columns.split(' ').map((column, at) => ({ attnum: at + 1, name: column, type: 'text', typeOid: 25 })),
      };
    }),
  };
}

function found(raw: RawCatalog, ...patterns: readonly string[]): readonly string[] {
  const columns = patterns.map((pattern) => {
    const [schema = '', table = '', column = '', cls = 'x'] = pattern.split(/[.:]/);
    return { schema, table, column, class: cls };
  });
  const classified: ClassifiedColumns = { target: 't', columns };
  const all = [...classify(raw, classified).values()].flatMap((byName) =>
    [...byName.values()].flatMap((guard) => guard.sources),
  );
  return all.map((column) => `${column.schema}.${column.table}.${column.column}:${column.class}`).toSorted();
}

describe('classification patterns', () => {
  const raw = catalogOf({
    'public.users': 'id email Email2 ssn',
    'hr.staff': 'id ssn work_email',
    'pg_catalog.pg_class': 'relname email',
  });

  it('match whole names, with * for any run of characters', () => {
    expect(found(raw, 'public.users.email')).toEqual(['public.users.email:x']);
    expect(found(raw, '*.*.ssn')).toEqual(['hr.staff.ssn:x', 'public.users.ssn:x']);
    expect(found(raw, '*.*.*email')).toEqual(['hr.staff.work_email:x', 'public.users.email:x']);
    expect(found(raw, 'public.u*s.e*l')).toEqual(['public.users.email:x']);
    expect(found(raw, 'public.user.email')).toEqual([]);
  });

  it('compare without case, so that spelling never unprotects', () => {
    expect(found(raw, 'PUBLIC.Users.EMAIL2')).toEqual(['public.users.Email2:x']);
  });

  it('let the first pattern decide a class', () => {
    expect(found(raw, '*.*.email:a', 'public.*.*:b')).toContain('public.users.email:a');
  });

  it('reach into system schemas only by their name', () => {
    expect(found(raw, '*.*.email')).toEqual(['public.users.email:x']);
    expect(found(raw, 'pg_catalog.pg_class.relname')).toEqual(['pg_catalog.pg_class.relname:x']);
  });
});

describe('inheritance', () => {
  const tables = { 'public.p': 'id ssn', 'public.c1': 'ssn id', 'public.c2': 'id ssn', 'public.g': 'ssn x' };
  const inherits = [
    { child: 4, parent: 2 },
    { child: 2, parent: 1 },
    { child: 3, parent: 1 },
  ];

  it('protects every descendant by column name', () => {
    expect(found(catalogOf(tables, inherits), 'public.p.ssn')).toEqual([
      'public.c1.ssn:x',
      'public.c2.ssn:x',
      'public.g.ssn:x',
      'public.p.ssn:x',
    ]);
  });

  it('protects ancestors, which show the rows of their children, but not siblings', () => {
    expect(found(catalogOf(tables, inherits), 'public.c1.ssn')).toEqual([
      'public.c1.ssn:x',
      'public.g.ssn:x',
      'public.p.ssn:x',
    ]);
  });
});
