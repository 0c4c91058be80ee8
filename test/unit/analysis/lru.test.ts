import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LruCache } from '../../../src/analysis/lru.js';

describe('the cache', () => {
  it('forgets what was used longest ago', () => {
    const cache = new LruCache<number>(2, 1000);
    cache.set(1, 'a', 1, 1);
    cache.set(1, 'b', 2, 1);
    expect(cache.get(1, 'a')).toBe(1);
    cache.set(1, 'c', 3, 1);
    expect([cache.get(1, 'a'), cache.get(1, 'b'), cache.get(1, 'c')]).toEqual([1, undefined, 3]);
  });

  it('keeps scopes apart', () => {
    const cache = new LruCache<number>(10, 1000);
    cache.set(1, 'a', 1, 1);
    expect(cache.get(2, 'a')).toBeUndefined();
  });

  it('does not keep what would push out everything else', () => {
    const cache = new LruCache<number>(10, 80);
    cache.set(1, 'a', 1, 11);
    expect(cache.get(1, 'a')).toBeUndefined();
    expect(cache.bytes).toBe(0);
  });

  it('behaves like a plain list in order of use, whatever is done to it', () => {
    const step = fc.tuple(
      fc.constantFrom('get', 'set', 'delete'),
      fc.integer({ min: 0, max: 2 }),
      fc.constantFrom('a', 'b', 'c'),
      fc.integer({ min: 1, max: 9 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const cache = new LruCache<number>(4, 80);
        let model: { name: string; bytes: number }[] = [];
        for (const [action, scope, key, bytes] of steps) {
          const name = `${scope}${key}`;
          const known = model.find((entry) => entry.name === name);
          if (action === 'get') expect(cache.get(scope, key)).toBe(known?.bytes);
          if (action === 'set') cache.set(scope, key, bytes, bytes);
          if (action === 'delete') cache.delete(scope, key);
          if (known !== undefined || action === 'set') model = model.filter((entry) => entry.name !== name);
          if (action === 'set') model.push({ name, bytes });
          if (action === 'get' && known !== undefined) model.push(known);
          while (model.length > 4) model.shift();
          expect(cache.size).toBe(model.length);
          expect(cache.bytes).toBe(model.reduce((sum, entry) => sum + entry.bytes, 0));
        }
      }),
    );
  });
});
