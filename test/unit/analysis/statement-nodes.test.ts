import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { innerNodes, statementHandlers } from '../../../src/analysis/postgres/statements.js';

/** The statement nodes that a parser package declares, from its own type declarations. */
async function statementNodes(major: number): Promise<readonly string[]> {
  const parser = createRequire(import.meta.url).resolve(`libpg-query-${major}`);
  const types = createRequire(parser).resolve('@pgsql/types');
  const text = await readFile(join(dirname(types), 'types.d.ts'), 'utf8');
  return [...new Set([...text.matchAll(/^ {4}(\w+Stmt): \1;$/gm)].map((match) => match[1] ?? ''))];
}

describe('the table of statements', () => {
  it.each([13, 15, 16, 17, 18])('knows every statement node of PostgreSQL %i', async (major) => {
    const nodes = await statementNodes(major);
    expect(nodes.length).toBeGreaterThan(100);
    expect(nodes.filter((node) => !Object.hasOwn(statementHandlers, node) && !innerNodes.has(node))).toEqual([]);
  });

  it('holds no node that no parser makes', async () => {
    const known = new Set((await Promise.all([13, 15, 16, 17, 18].map(statementNodes))).flat());
    expect(Object.keys(statementHandlers).filter((node) => !known.has(node))).toEqual([]);
  });
});
