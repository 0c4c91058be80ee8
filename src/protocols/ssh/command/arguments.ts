import { SluiceError } from '../../../lib/errors.js';
import { ShellSyntaxError, tokenise } from '../../../analysis/shell/tokens.js';

const maxArguments = 1000;
const maxText = 64 * 1024;

/**
 * The words of a text, as a shell would quote them and without anything that a shell would do: no expansions, no
 * operators. Throws `usage` for a text that has such; '' has no words.
 */
export function argumentsIn(text: string): readonly string[] {
  if (text.length > maxText || text.includes('\0')) throw refusal('it is too long, or has a NUL in it');
  try {
    const tokens = tokenise(text);
    if (tokens.length > maxArguments) throw refusal('it has too many words');
    return tokens.map((token) => {
      if (token.kind !== 'word') throw refusal(`${JSON.stringify(token.text)} is a shell's`);
      if (token.dynamic) throw refusal(`${JSON.stringify(token.text)} would be expanded by a shell`);
      return token.text;
    });
  } catch (error) {
    if (error instanceof ShellSyntaxError) throw refusal(error.message);
    throw error;
  }
}

function refusal(why: string): SluiceError {
  const message = `no shell reads this: its words become arguments as they are, and ${why}; quote what is meant literally`;
  return new SluiceError('denied', message, { decider: 'gateway' });
}
