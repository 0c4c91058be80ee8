import type { PolicyCheck } from '../client/api-types.js';
import type { Output } from './output.js';
import { plain } from './plain.js';

/** Problems as compilers print them: file:line:column, what is wrong, what was meant. */
export function problemsText(problems: PolicyCheck['problems'], files: number, out: Output): string {
  if (problems.length === 0) return `${out.paint('green', '✓')} ${files} files, no problems`;
  return problems
    .map(({ file, line, column, severity, message, hint }) => {
      const mark = severity === 'error' ? out.paint('red', 'error') : out.paint('yellow', 'warning');
      return `${plain(file)}:${line}:${column}: ${mark}: ${plain(message)}${hint === null ? '' : `\n    ${plain(hint)}`}`;
    })
    .join('\n');
}
