import type { SluiceClient } from '../client/api.js';
import { missingText, operationText, type StdinWait } from './input.js';
import { bindParameters, type BoundText } from './named-parameters.js';
import { takesWords } from './target-words.js';

/** An operation on a target as a command line gives it. */
export interface AskedOperation {
  readonly target: string;
  readonly text: string | undefined;
  readonly file: string | undefined;
  /** The words behind `--`. */
  readonly rest: readonly string[];
  readonly param: readonly string[] | undefined;
  readonly stdin: StdinWait;
}

/** Throws `usage` where no text is given: before anything is asked of the gateway. */
export function requireText({ text, file, rest }: Pick<AskedOperation, 'text' | 'file' | 'rest'>): void {
  if ((text ?? file ?? rest[0]) === undefined) throw missingText();
}

/** The operation's text with its parameters bound, read from wherever it was given. Throws `usage` for none. */
export async function askedOperation(
  client: SluiceClient,
  { param, ...asked }: AskedOperation,
): Promise<BoundText & { readonly target: string }> {
  const text = await operationText({ ...asked, takesWords: await takesWords(client, asked) });
  if (text === null) throw missingText();
  return { target: asked.target, ...bindParameters(text, param ?? []) };
}
