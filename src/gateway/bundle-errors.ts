import { SluiceError } from '../lib/errors.js';
import type { Problem } from '../policy/problems.js';

const shownProblems = 20;

/** One line a problem, as compilers print them: file:line:column: what (hint). */
export function describeProblem(problem: Problem): string {
  const hint = problem.hint === null ? '' : ` (${problem.hint})`;
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.message}${hint}`;
}

/** The error of a bundle that is not applied. */
export function invalidBundle(problems: readonly Problem[]): SluiceError {
  const errors = problems.filter((problem) => problem.severity === 'error');
  const lines = errors.slice(0, shownProblems).map(describeProblem);
  if (errors.length > shownProblems) lines.push(`and ${errors.length - shownProblems} more`);
  return new SluiceError('config_invalid', `the bundle is not valid; nothing was applied\n${lines.join('\n')}`, {
    decider: 'gateway',
    next: [{ command: 'sluice policy check DIR', when: 'to check it again' }],
  });
}
