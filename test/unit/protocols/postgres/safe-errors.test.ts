import { describe, expect, it } from 'vitest';
import { tellsOnlyOfTheText } from '../../../../src/protocols/postgres/safe-errors.js';

const error = (fields: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(fields));

describe('errors that speak of the statement alone', () => {
  it.each([
    { C: '42P01', R: 'parserOpenTable' },
    { C: '42703', R: 'errorMissingColumn' },
    { C: '42601', R: 'scanner_yyerror' },
  ])('are $C by $R', (fields) => {
    expect(tellsOnlyOfTheText(error(fields))).toBe(true);
  });

  it.each([
    { C: '42P01', R: 'exec_stmt_raise' },
    { C: '22P02', R: 'scanner_yyerror' },
    { C: '42P01', R: 'parserOpenTable', W: 'SQL statement "select * from secret"' },
    { C: '42P01', R: 'parserOpenTable', q: 'select 1' },
    { C: '23505', R: '_bt_check_unique' },
  ])('are not $C by $R with $W$q', (fields) => {
    expect(tellsOnlyOfTheText(error(fields))).toBe(false);
  });
});
