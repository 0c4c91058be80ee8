import { expect, it } from 'vitest';
import { layOut } from '../../../src/analysis/sql-layout.js';
import { allLiterals, literalEnd } from '../../../src/analysis/sql-literals.js';
import { likeness } from '../../../src/gateway/request-review.js';

it('gives each clause and condition a line', () => {
  expect(layOut("update orders set status = 'paid', total=7 where id = 7 and placed_at between '1' and '2' or x")).toBe(
    [
      'update orders',
      "set status = 'paid', total=7",
      'where id = 7',
      "  and placed_at between '1' and '2'",
      '  or x',
    ].join('\n'),
  );
  expect(
    layOut('select a, count(*) from t left outer join u on t.id = u.id and u.x group by a order by 2 limit 3'),
  ).toBe(
    [
      ...['select a, count(*)', 'from t', 'left outer join u on t.id = u.id', '  and u.x', 'group by a', 'order by 2'],
      'limit 3',
    ].join('\n'),
  );
  expect(layOut('delete from a where id in (select id from b where x = 1); select extract(year from d) from c')).toBe(
    [
      'delete from a',
      'where id in (select id',
      '  from b',
      '  where x = 1);',
      'select extract(year from d)',
      'from c',
    ].join('\n'),
  );
});

it('keeps every token and comment as it was sent', () => {
  for (const text of [
    "SELECT /* a -- b /* nested */ from */ 'it''s from', E'\\' where', $x$ and $$ or $x$, \"from\" -- where\nFROM \"T\" WHERE $1>=2",
    'select 1 --',
    'select ((((',
    "select 'open",
    '/* never closed',
    "select U&'d\\0061t' , b'1' , x'FF', 1.5e10, .5, 😀 from ünï",
  ]) {
    const squeezed = (sql: string): string => sql.replace(/\s+/g, '');
    expect(squeezed(layOut(text))).toBe(squeezed(text));
  }
  expect(layOut('prepare p as delete from a;\n execute p')).toBe('prepare p as delete from a;\nexecute p');
  expect(layOut('select 1 -- where\n, 2')).toBe('select 1 -- where\n, 2');
  expect(layOut('select 1 -- seems to be one line\rfrom t')).toBe('select 1 -- seems to be one line\nfrom t');
});

it('knows where constants begin and end', () => {
  const found = (text: string): readonly string[] => allLiterals(text).map(({ start, end }) => text.slice(start, end));
  expect(found("select 'a''b', E'\\'', $$x'y$$, $t$ $$ $t$, 1.5, x1, $1, true, \"'\" -- 'c'\n, 'd'\n 'e'")).toEqual([
    ...["'a''b'", "E'\\''", "$$x'y$$", '$t$ $$ $t$', '1.5', 'true', "'d'\n 'e'"],
  ]);
  expect(literalEnd('from t', 0)).toBeNull();
  // A string goes on behind comments in dashes, but not on its own line; a carriage return ends lines too.
  expect(found("'a' -- b\n--c 'd'\n 'e', 'f' -- g")).toEqual(["'a' -- b\n--c 'd'\n 'e'", "'f'"]);
  expect(found("'a'\r'b' 'c' /* d */\n 'e' -- f\r'g'")).toEqual(["'a'\r'b'", "'c'", "'e' -- f\r'g'"]);
  expect(found("select -- a\r'b'")).toEqual(["'b'"]);
});

it('takes texts for alike that differ in values and layout, and in nothing else', () => {
  const own = likeness('DELETE FROM orders WHERE id IN (1, 2)');
  expect(likeness("delete from orders\n where id in ( 7,8 , 'x')")).toBe(own);
  for (const other of ['delete from orders where id > 1', 'delete from order_items where id in (1)'])
    expect(likeness(other)).not.toBe(own);
});
