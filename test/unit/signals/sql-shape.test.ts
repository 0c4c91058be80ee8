import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sqlShape } from '../../../src/signals/sql-shape.js';

it.each([
  ["select * from t where a = 'x' and b = 12.5e-3", 'select * from t where a = ? and b = ?'],
  ['update "orders" set n = $1 -- why', 'update "orders" set n = $1'],
  ["select E'it\\'s', N'x', B'01', U&'\\0061' ", null],
  ["select E'it\\'s', 'it''s'", 'select ?, ?'],
  ['select $$a$$, $tag$ $$ $tag$', 'select ?, ?'],
  ['a /* one /* two */ still */ b', 'a b'],
  ['select 1 as "123-45-6789", 2 as x123456789', 'select ? as "…", ? as …'],
  ['select 0xff, 1_000, .5', 'select ?, ?, ?'],
  ["select 'open", null],
  ['select "open', null],
  ['select $a$ open', null],
  ['/* open', null],
  ['\\copy t', null],
  // PostgreSQL ends such a comment at a carriage return, too: what follows is a string.
  ["select 1 -- x\r' \n secret '", 'select ? ?'],
  ['', ''],
])('makes of %j %j', (text, shape) => expect(sqlShape(text)).toBe(shape));

it('never shows a literal, however it is written', () => {
  const canary = 'c4n4ry';
  const literal = fc.constantFrom(
    ...[`'${canary}'`, `'x''${canary}'`, `E'\\'${canary}'`, `$$${canary}$$`, `$q$'${canary}$q$`, `B'${canary}'`],
    ...[`/* ' ${canary} */`, `-- ${canary} '\n`, `/*/* */ "${canary} */`, `'/* ${canary} '`, `'--' '${canary}'`],
  );
  const between = fc.constantFrom(' ', ',', ' = ', '(', ')', '::text ', ' x ', '"y"', ' $1 ', '\n', '-', '/', '*');
  fc.assert(
    fc.property(fc.array(fc.tuple(between, literal), { maxLength: 12 }), (parts) => {
      expect(sqlShape(parts.flat().join('')) ?? '').not.toContain(canary);
    }),
    { numRuns: 2_000 },
  );
});

it('is done in time that grows with the text', () => {
  for (const text of [
    "'".repeat(100_001),
    '/*'.repeat(50_000),
    '$a'.repeat(50_000),
    'E'.repeat(100_000),
    '1e'.repeat(50_000),
  ])
    expect(sqlShape(text)?.length ?? 0).toBeLessThan(600);
});
