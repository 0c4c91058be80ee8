import type { StatementAnalysis } from '../../analysis/postgres-types.js';
import { everySecret, type TextSecrets } from '../../analysis/text-secrets.js';
import type { JudgedQuery } from './judged-query.js';

/** A text with what of it may be a protected value. */
export interface ReadText {
  readonly text: string;
  readonly secrets: TextSecrets | null;
}

/** What people read where a text runs what other texts have named: those first, as if all had been sent together. */
export function withNamed(own: ReadText, named: ReadonlySet<ReadText>): ReadText {
  let text = '';
  const literals: TextSecrets['literals'][number][] = [];
  for (const part of [...named, own]) {
    if (text !== '') text += ';\n';
    const from = text.length;
    for (const { start, end, columns } of part.secrets?.literals ?? [])
      literals.push({ start: start + from, end: end + from, columns });
    text += part.text;
  }
  const parameters = own.secrets?.parameters ?? [];
  return { text, secrets: literals.length + parameters.length === 0 ? null : { literals, parameters } };
}

/** What of one statement of a query may be a protected value. */
export function secretsWithin(
  { text, secrets, statements }: JudgedQuery,
  statement: StatementAnalysis,
): ReadText['secrets'] {
  if (secrets === null) return null;
  const from = text.indexOf(statement.text);
  if (statements.length !== 1 || from < 0) return everySecret(statement.text);
  const literals = secrets.literals.map(({ start, end, columns }) => ({
    start: start - from,
    end: end - from,
    columns,
  }));
  return { literals, parameters: [] };
}
