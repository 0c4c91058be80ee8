import { describe, expect, it } from 'vitest';
import { tellsOnlyOfTheText } from '../../../../src/protocols/postgres/safe-errors.js';

const error = (fields: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(fields));

describe('errors that speak of the statement alone', () => {
  it.each([
    { C: '42P01', R: 'parserOpenTable', P: '15' },
    { C: '42703', R: 'errorMissingColumn', P: '8' },
    { C: '42601', R: 'scanner_yyerror', P: '1' },
    { C: '57014', R: 'ProcessInterrupts' },
    { C: '25P02', R: 'exec_simple_query' },
  ])('are $C by $R', (fields) => {
    expect(tellsOnlyOfTheText(error(fields))).toBe(true);
  });

  it.each([
    // value::regclass, while it runs
    { C: '42P01', R: 'RangeVarGetRelidExtended' },
    { C: '42P01', R: 'exec_stmt_raise' },
    { C: '22P02', R: 'scanner_yyerror' },
    { C: '42P01', R: 'parserOpenTable', P: '15', W: 'SQL statement "select * from secret"' },
    { C: '42P01', R: 'parserOpenTable', P: '15', q: 'select 1' },
    { C: '23505', R: '_bt_check_unique' },
  ])('are not $C by $R with $W$q', (fields) => {
    expect(tellsOnlyOfTheText(error(fields))).toBe(false);
  });
});
