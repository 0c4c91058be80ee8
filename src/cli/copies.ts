import type { CopyList } from '../client/api-types.js';
import type { SluiceClient } from '../client/api.js';
import type { CallOptions } from '../client/gateway-calls.js';
import { SluiceError } from '../lib/errors.js';

export const copyHeader = ['COLUMN', 'CLASS', 'LAST MADE', 'BY', 'STATEMENT'] as const;

/** A row for each person that has made it, with the last of their statements as `SESSION/OP`. */
export function copyRows({ copies }: CopyList): readonly (readonly string[])[] {
  return copies.flatMap((copy) => {
    const what = [copy.column, copy.derived ? `${copy.class}, derived` : copy.class];
    if (copy.made_by.length === 0) return [[...what, toTheSecond(copy.since), 'not known', '']];
    return copy.made_by.map(({ user, session_id, op, at }) => [
      ...[...what, toTheSecond(at), user],
      `${session_id}/${op}`,
    ]);
  });
}

const toTheSecond = (instant: string): string => instant.replace(/\.\d+Z$/, 'Z');

/** The id of the copy that was named by its column, or by its id. */
export async function findCopy(
  client: SluiceClient,
  { target, copy }: { readonly target: string; readonly copy: string },
  options: CallOptions,
): Promise<string> {
  if (/^cpy_[0-9a-z]{16}$/.test(copy)) return copy;
  const { copies } = await client.copies(target, options);
  const found = copies.filter(({ id, column }) => id === copy || column === copy);
  const [one] = found;
  const next = [{ command: `sluice copies list ${target}`, when: 'to see them, with their ids' }];
  if (one === undefined)
    throw new SluiceError('not_found', `No copy of protected values is known in ${copy} on ${target}.`, { next });
  if (found.length === 1) return one.id;
  const all = found.map((each) => `${each.id} (${each.class}, ${each.derived ? 'derived' : 'exact'})`).join(', ');
  throw new SluiceError('conflict', `${copy} holds ${found.length} copies; name one by its id: ${all}.`, { next });
}
