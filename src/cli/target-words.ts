import type { SluiceClient } from '../client/api.js';

/** Whether words behind `--` are a command and its arguments for this target, and not one text such as SQL. */
export async function takesWords(
  client: SluiceClient,
  { target, rest }: { readonly target: string | undefined; readonly rest: readonly string[] },
): Promise<boolean> {
  if (rest.length === 0 || target === undefined) return false;
  return (await client.target(target)).kind !== 'postgres';
}
