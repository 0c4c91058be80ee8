import type { ProtectedColumn, StatementAnalysis } from '../postgres-types.js';
import { literalEnd } from '../sql-literals.js';
import { everySecret, type TextSecrets } from '../text-secrets.js';
import type { Findings, Secret } from './findings.js';
import { eachLiteral } from './literals.js';
import type { Literals } from './value.js';

/** A place of the parser's in a text (UTF-8 bytes) as one of the string's (UTF-16 units); asked in rising order. */
export function placesIn(text: string): (byte: number) => number {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length === text.length) return (byte) => byte;
  let known = 0;
  let unit = 0;
  return (byte) => {
    if (byte < known) known = unit = 0;
    unit += bytes.toString('utf8', known, byte).length;
    known = byte;
    return unit;
  };
}

/** The secrets of a query's statements as stretches of its text; null when it has none. */
export function secretsOf(text: string, all: readonly Findings[]): TextSecrets | null {
  if (all.some((findings) => findings.hidesSecrets)) return everySecret(text);
  const found = all.flatMap((findings) => findings.secrets);
  if (found.length === 0) return null;
  const literals: TextSecrets['literals'][number][] = [];
  const place = placesIn(text);
  for (const { at, columns } of inText(found)) {
    const start = place(at);
    const end = literalEnd(text, start);
    // The parser saw a constant where this reading of the text has none: nothing of it can be told apart.
    if (end === null) return everySecret(text);
    literals.push({ start, end, columns });
  }
  return { literals, parameters: parametersOf(found) };
}

/** Parameters of a statement prepared by SQL that meet protected columns. */
export function secretParameters(findings: Findings): Pick<StatementAnalysis, 'secretParameters'> {
  const parameters = parametersOf(findings.hidesSecrets ? everything : findings.secrets);
  return parameters.length === 0 ? {} : { secretParameters: parameters };
}

/** Where the constants stand that EXECUTE passes on, by position. */
export function argumentPlaces(
  text: string,
  executed: readonly (Literals | null)[],
): readonly (readonly { readonly start: number; readonly end: number }[])[] {
  const place = placesIn(text);
  return executed.map((literals) =>
    inText([...(literals === null ? [] : eachLiteral(literals))].map((literal) => ({ ...literal, columns: [] }))).map(
      ({ at }) => {
        const start = place(at);
        return { start, end: literalEnd(text, start) ?? text.length };
      },
    ),
  );
}

const everything: readonly Secret[] = [{ at: 0, kind: 'parameter', columns: [] }];

function inText(secrets: readonly Secret[]): readonly Secret[] {
  return secrets.filter(({ kind }) => kind !== 'parameter').sort((a, b) => a.at - b.at);
}

function parametersOf(
  secrets: readonly Secret[],
): readonly { readonly position: number; readonly columns: readonly ProtectedColumn[] }[] {
  return secrets
    .filter(({ kind }) => kind === 'parameter')
    .map(({ at, columns }) => ({ position: at, columns }))
    .sort((a, b) => a.position - b.position);
}
