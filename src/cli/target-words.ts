import type { SluiceClient } from '../client/api.js';

/** Whether words behind `--` are a command and its arguments for this target, and not one text such as SQL. */
export async function takesWords(
  client: SluiceClient,
  { target, rest }: { readonly target: string | undefined; readonly rest: readonly string[] },
): Promise<boolean> {
  if (rest.length === 0 || target === undefined) return false;
  return (await client.target(target)).kind !== 'postgres';
}

/** Asked where only words depend on it: what cannot be found out is not called a database. */
export async function isDatabase(client: SluiceClient, target: string): Promise<boolean> {
  return client.target(target).then(
    ({ kind }) => kind === 'postgres',
    () => false,
  );
}
