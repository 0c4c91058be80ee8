import { describe, expect, it } from 'vitest';
import { readingIn } from '../../../src/analysis/postgres/encodings.js';
import { loadParser } from '../../../src/analysis/postgres/parser.js';
import { shopCatalog } from './shop.js';

const german = 'de_DE.iso88591';

/** Why it is not read, or null. */
async function refusal(encoding: string, ctype: string, sql: string): Promise<string | null> {
  const read = readingIn({ ...shopCatalog(), encoding, ctype }, await loadParser(15));
  try {
    read(sql);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

describe('a server whose database is kept in another encoding', () => {
  it.each([
    ['LATIN1', german, 'select x from É'],
    ['LATIN1', german, 'select x from "a"É, "É"'],
    ['WIN1252', 'German_Germany.1252', 'select Übersicht from t'],
    ['SQL_ASCII', german, 'select é from t'],
  ])('may fold a name outside quotes: %s, %s, %s', async (encoding, ctype, sql) => {
    expect(await refusal(encoding, ctype, sql)).toContain('in double quotes');
  });

  it.each([
    ['LATIN1', german, `select "Übersicht", 'Übersicht' from größe where x = 'Ü' -- Ü`],
    ['LATIN1', german, String.raw`select U&"\00DCbersicht" from t`],
    ['LATIN1', german, `do $$ begin raise notice 'Ü'; -- ${'x'.repeat(64)}\n end $$`],
    ['LATIN1', 'C', 'select Übersicht from t'],
    ['SQL_ASCII', 'en_US.UTF-8', 'select Übersicht from t'],
    ['EUC_JP', 'ja_JP.eucjp', 'select Ü, 名前 from t'],
    ['UTF8', german, `select Übersicht, "${'é'.repeat(40)}" from t`],
  ])('reads alike what both read alike: %s, %s, %s', async (encoding, ctype, sql) => {
    expect(await refusal(encoding, ctype, sql)).toBeNull();
  });

  it.each([
    ['LATIN1', 'é'.repeat(32), true],
    ['LATIN1', 'é'.repeat(29), false],
    ['LATIN1', String.raw`\00e9`.repeat(32), true],
    ['KOI8R', 'наименование_покупателя', false],
    ['EUC_JP', '取引先名称'.repeat(2), false],
    ['EUC_JP', 'é'.repeat(22), true],
    ['EUC_TW', '名'.repeat(16), true],
    ['LATIN1', 'x'.repeat(70), false],
  ])('cuts names off elsewhere: %s, %s', async (encoding, name, isRefused) => {
    const why = await refusal(encoding, 'C', name.startsWith('\\') ? `select U&"${name}"` : `select "${name}"`);
    expect(why).toEqual(isRefused ? expect.stringContaining('a shorter name') : null);
  });
});
