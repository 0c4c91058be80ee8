import type { SessionChange, StatementAnalysis } from '../../analysis/postgres-types.js';
import type { TextSecrets } from '../../analysis/text-secrets.js';

/** Constants that EXECUTE passes to parameters which meet protected columns in the statement's body. */
export function passedSecrets(
  { arguments: places = [] }: Extract<SessionChange, { type: 'execute' }>,
  { secretParameters = [] }: StatementAnalysis,
): TextSecrets['literals'] {
  return secretParameters.flatMap(({ position, columns }) =>
    (position === 0 ? places.flat() : (places[position - 1] ?? [])).map((place) => ({ ...place, columns })),
  );
}

/** A text's own secrets with those that it passes on, in order and each place once. */
export function withPassed(own: TextSecrets | null, passed: TextSecrets['literals']): TextSecrets | null {
  if (passed.length === 0) return own;
  const byStart = new Map([...(own?.literals ?? []), ...passed].map((literal) => [literal.start, literal]));
  return {
    literals: [...byStart.values()].sort((a, b) => a.start - b.start),
    parameters: own?.parameters ?? [],
  };
}
