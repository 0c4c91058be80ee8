import { input, password } from '@inquirer/prompts';
import { SluiceError } from '../lib/errors.js';

// Only ever reached behind `canPrompt`; questions go to stderr, so that stdout stays the payload's.

/** One line of text from the person. */
export function askText(message: string, signal: AbortSignal): Promise<string> {
  return answered(input({ message }, { output: process.stderr, signal }));
}

/** A value that is not shown while it is typed. */
export function askSecret(message: string, signal: AbortSignal): Promise<string> {
  return answered(password({ message }, { output: process.stderr, signal }));
}

/** Ctrl-C at a question comes as a key, not as a signal: it is an interrupt all the same. */
async function answered(question: Promise<string>): Promise<string> {
  try {
    return await question;
  } catch (cause) {
    if (!(cause instanceof Error) || !['ExitPromptError', 'AbortPromptError'].includes(cause.name)) throw cause;
    throw new SluiceError('interrupted', 'Interrupted.', { decider: 'local', cause });
  }
}
