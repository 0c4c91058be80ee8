import { describe, expect, it } from 'vitest';
import { lookAlikes, markLookAlikes } from '../../../src/lib/look-alikes.js';

describe('names that read as others', () => {
  it.each([
    ['delete from \u043erders', 'delete from \\u{43e}rders', 'orders', ['U+043E']],
    ['drop table "\u0440\u0430y"', 'drop table "\\u{440}\\u{430}y"', 'pay', ['U+0440', 'U+0430']],
    ['select * from c\u03bfpy', 'select * from c\\u{3bf}py', 'copy', ['U+03BF']],
    // No letter of it is Latin.
    ['table \u0441\u043e\u0440\u0443', 'table \\u{441}\\u{43e}\\u{440}\\u{443}', 'copy', 4],
    ['select \uff4frders', 'select \\u{ff4f}rders', 'orders', ['U+FF4F']],
    ['select \u{1d428}rders', 'select \\u{1d428}rders', 'orders', ['U+1D428']],
    ['select o\u0308l', 'select o\\u{308}l', null, ['U+0308']],
    ['select \u0251ge', 'select \\u{251}ge', 'age', ['U+0251']],
    ['select p\u0561y', 'select p\\u{561}y', null, ['U+0561']],
  ] as const)('%s', (text, marked, readsAs, letters) => {
    expect(markLookAlikes(text)).toBe(marked);
    const [found, ...more] = lookAlikes(text);
    expect([found?.readsAs, more]).toEqual([readsAs, []]);
    if (typeof letters === 'number') expect(found?.letters).toHaveLength(letters);
    else expect(found?.letters).toEqual(letters);
  });

  it.each([
    'select id from orders where name = $1',
    "select 'Москва', 'Ελλάδα', 'Łódź', 'naïve', 'Straße', 'İstanbul' from zákazníci",
    'select * from заказы where город = 1',
    "select '東京Tower', '주문orders', '5µs', 'CO₂', '½ cup', 'a→b', '👍🏽 ok'",
    "select 'с утра о том'",
    'select "größe", "r\u00e9sum\u00e9"',
  ])('leaves what is as it reads: %s', (text) => {
    expect([markLookAlikes(text), lookAlikes(text)]).toEqual([text, []]);
  });

  it('takes one letter for another where both stand', () => {
    expect(markLookAlikes('from x \u0430, y b')).toBe('from x \u0430, y b');
    expect(markLookAlikes('from x \u0430, y a')).toBe('from x \\u{430}, y a');
  });

  it('names each once, and not more than anyone reads', () => {
    expect(lookAlikes('\u043erders \u043erders')).toHaveLength(1);
    const many = Array.from({ length: 100 }, (_, index) => `\u043er${index}`).join(' ');
    expect(lookAlikes(many)).toHaveLength(20);
  });
});
