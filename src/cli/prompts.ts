import { input, password } from '@inquirer/prompts';

// Only ever reached behind `canPrompt`; questions go to stderr, so that stdout stays the payload's.

/** One line of text from the person. */
export function askText(message: string): Promise<string> {
  return input({ message }, { output: process.stderr });
}

/** A value that is not shown while it is typed. */
export function askSecret(message: string): Promise<string> {
  return password({ message }, { output: process.stderr });
}
