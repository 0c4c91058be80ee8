import { compileDetectors, maskText } from './detectors.js';
import { conditionNames } from './sqlstates.js';
import type { Classification } from './types.js';

/** Fields of an ErrorResponse or NoticeResponse by their type byte ('S', 'V', 'C', 'M', …). PostgreSQL 55.8. */
export type ErrorFields = ReadonlyMap<string, string>;

const severities: ReadonlySet<string> = new Set([
  'ERROR',
  'FATAL',
  'PANIC',
  'WARNING',
  'NOTICE',
  'DEBUG',
  'INFO',
  'LOG',
]);

/** The text with everything that the detectors find masked; the same string when they find nothing. */
export function scrubText(text: string, detectors: Classification['detectors']): string {
  const compiled = compileDetectors(detectors);
  return compiled === null ? text : maskText(text, compiled);
}

/**
 * What may be told of an error or notice that could quote protected values: severity, SQLSTATE and its condition name.
 * Any other field can hold a value (message, detail, hint, context) or be set by RAISE (schema, table, column,
 * constraint names). RAISE can also make up SQLSTATEs, five characters of free choice: one that PostgreSQL does not
 * document becomes P0001 (errors) or 01000 (notices).
 */
export function scrubError(fields: ErrorFields): ErrorFields {
  const told = fields.get('V') ?? fields.get('S') ?? '';
  const severity = severities.has(told) ? told : 'ERROR';
  const isError = severity === 'ERROR' || severity === 'FATAL' || severity === 'PANIC';
  const code = fields.get('C') ?? '';
  const known = conditionNames.has(code) ? code : isError ? 'P0001' : '01000';
  return new Map([
    ['S', severity],
    ['V', severity],
    ['C', known],
    ['M', conditionNames.get(known) ?? 'withheld'],
    ...(isError ? ([['H', withheldHint]] as const) : []),
  ]);
}

/** Always the same words, so that they tell of nothing. */
const withheldHint = 'The target’s own words could quote protected values, and are withheld.';

/** Fields in which an error can quote values: message, detail, hint, context, internal query. */
const quoting: ReadonlySet<string> = new Set(['M', 'D', 'H', 'W', 'q']);

/** The fields with what the detectors find masked; the same object when they find nothing. */
export function maskFields(fields: ErrorFields, detectors: Classification['detectors']): ErrorFields {
  const compiled = compileDetectors(detectors);
  if (compiled === null) return fields;
  const masked = [...fields].map(
    ([code, text]) => [code, quoting.has(code) ? maskText(text, compiled) : text] as const,
  );
  return masked.every(([code, text]) => fields.get(code) === text) ? fields : new Map(masked);
}

/** The condition name of a SQLSTATE, or null when PostgreSQL documents none. */
export function conditionName(sqlState: string): string | null {
  return conditionNames.get(sqlState) ?? null;
}
