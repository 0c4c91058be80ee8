import { describe, expect, it } from 'vitest';
import type { ExecBody } from '../../../src/client/api-exec-types.js';
import type { SluiceClient } from '../../../src/client/api.js';
import { columnRows, describeTables, tableRows } from '../../../src/cli/describe-tables.js';

const { signal } = new AbortController();
const columns = [
  ['public', 'people', 'id', 'bigint', 'NO'],
  ['public', 'people', 'email', 'text', 'YES'],
  ['public', 'people', 'db_password', 'text', 'YES'],
  ['sales', 'orders', 'id', 'bigint', 'NO'],
] as const;

/** Answers as a gateway with those columns does; keeps what was asked. */
function clientOf(kind: string, asked: ExecBody[] = []): SluiceClient {
  const client = {
    target: async () => ({
      ...{ name: 'shop', kind },
      protected_columns: [
        { column: 'public.people.email', class: 'email', mask: 'email', reveal: 'deny' },
        { column: '*.*.*password*', class: 'secret', mask: 'redact', reveal: 'allow' },
      ],
    }),
    exec: async (body: ExecBody) => {
      asked.push(body);
      const name = body.parameters?.[0] ?? null;
      const rows = columns.filter(([schema, table]) => [null, table, `${schema}.${table}`].includes(name));
      return { rows, truncated: false };
    },
  };
  return client as unknown as SluiceClient;
}

describe('the tables of a target', () => {
  it('are read as a query that changes nothing, with what is protected', async () => {
    const asked: ExecBody[] = [];
    const { tables } = await describeTables(clientOf('postgres', asked), { target: 'shop', signal });
    expect(asked).toMatchObject([{ read_only: true, parameters: [null] }]);
    expect(tableRows(tables)).toEqual([
      ['public', 'people', 'id, email, db_password'],
      ['sales', 'orders', 'id'],
    ]);
  });

  it('one by its name, with or without its schema', async () => {
    for (const table of ['people', 'public.people']) {
      const { tables } = await describeTables(clientOf('postgres'), { target: 'shop', table, signal });
      expect(columnRows(tables)).toEqual([
        ['public.people', 'id', 'bigint', 'not null', ''],
        ['public.people', 'email', 'text', '', 'email, masked (email)'],
        ['public.people', 'db_password', 'text', '', 'secret, in clear'],
      ]);
    }
  });

  it('none of that name names the one that may have been meant', async () => {
    await expect(
      describeTables(clientOf('postgres'), { target: 'shop', table: 'poeple', signal }),
    ).rejects.toMatchObject({
      code: 'not_found',
      message: 'no table "poeple" that may be seen on shop; did you mean "people"?',
    });
    await expect(describeTables(clientOf('ssh'), { target: 'shop', signal })).rejects.toMatchObject({ code: 'usage' });
  });
});
