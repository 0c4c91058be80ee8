import { exitCodeOf } from './exit-codes.js';
import { asSluiceError, errorDocument } from './failure.js';
import { type FailureContext, failureText } from './failure-text.js';
import type { Output } from './output.js';

export interface ReportContext {
  readonly out: Output;
  readonly debug: boolean;
  readonly addressee?: FailureContext['addressee'];
  readonly exitCode?: number;
}

/** Says on the right stream what went wrong, and returns the process's exit code. */
export function reportFailure(thrown: unknown, context: ReportContext): number {
  const { out } = context;
  const error = asSluiceError(thrown);
  const exitCode = context.exitCode ?? exitCodeOf(error.code);
  if (out.json) out.document(errorDocument(error, exitCode));
  else
    out.alert(
      failureText(error, {
        exitCode,
        addressee: context.addressee ?? 'target',
        bold: (text) => out.paintError('bold', text),
        red: (text) => out.paintError('red', text),
      }),
    );
  if (context.debug && error.stack !== undefined) out.alert(stackOf(error));
  return exitCode;
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
