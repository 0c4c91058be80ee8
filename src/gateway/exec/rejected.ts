import { SluiceError, type NextStep } from '../../lib/errors.js';

/** An ErrorResponse as the driver gives it: SQLSTATE, message, and what else the server said. PostgreSQL 55.8. */
export interface ServerError extends Error {
  readonly code: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  readonly table?: string | undefined;
  /** Where in the text it is, in characters, from 1; a decimal number. */
  readonly position?: string | undefined;
}

export function isServerError(error: unknown): error is ServerError {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code)
  );
}

/** What was asked of the target, as far as the way on depends on it. */
interface AskedText {
  readonly target: string;
  readonly text: string;
}

/** Errors that another try may not meet: serialization_failure, deadlock_detected, lock_not_available. */
const passing: ReadonlySet<string> = new Set(['40001', '40P01', '55P03']);

/** The server's refusal with its own detail and hint, and the next command where one helps. */
export function rejectedError(error: ServerError, asked: AskedText): SluiceError {
  const { code, message } = error;
  const next = nextSteps(error, asked);
  if (code === '08P01')
    return new SluiceError('usage', `the text has parameters that no value was given for: ${message}`, {
      decider: 'target',
      targetCode: code,
      next,
    });
  return new SluiceError('target_rejected', wholeMessage(error, asked.text), {
    decider: 'target',
    targetCode: code,
    retryable: passing.has(code),
    next,
  });
}

/** A refusal of the gateway's that says what the server would, told as the server's. */
export function wordsOfTarget(refusal: SluiceError, error: ServerError, asked: AskedText): SluiceError {
  const next = [...(refusal.details.next ?? []), ...nextSteps(error, asked)];
  const message = `${refusal.message}${placeIn(asked.text, Number(error.position))}`;
  return new SluiceError(refusal.code, message, { ...refusal.details, next });
}

/** `duplicate key value … "orders_pkey". Key (id)=(1) already exists.` Masked and scrubbed before it came here. */
function wholeMessage({ message, detail = '', hint = '', position }: ServerError, text: string): string {
  return [`${message}${placeIn(text, Number(position))}`, detail, hint]
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part, index, all) => (index === all.length - 1 || /[.?!:]$/.test(part) ? part : `${part}.`))
    .join(' ');
}

/** ` (line 3)`, in a text of several lines. */
function placeIn(text: string, position: number): string {
  if (!Number.isInteger(position) || position < 1 || !text.trim().includes('\n')) return '';
  const before = [...text].slice(0, position - 1);
  return ` (line ${before.filter((character) => character === '\n').length + 1})`;
}

function nextSteps({ code, message, table }: ServerError, { target, text }: AskedText): readonly NextStep[] {
  switch (code) {
    case '42P01': // undefined_table
    case '3F000': // invalid_schema_name
      return [{ command: `sluice describe ${target} --tables`, when: 'to see the tables there are' }];
    case '42703': {
      const name = tableIn(message) ?? 'TABLE';
      return [{ command: `sluice describe ${target} ${name}`, when: 'to see a table’s columns' }];
    }
    case '23502': // not_null_violation
      return isPlainName(table)
        ? [{ command: `sluice describe ${target} ${table}`, when: 'to see what it needs' }]
        : [];
    case '08P01':
    case '42P02': // undefined_parameter
      return [
        { command: `sluice exec ${target} … --param 1=VALUE`, when: 'to give $1 its value; more for $2 and so on' },
      ];
    case '42601': {
      const name = /:([A-Za-z_]\w*)/.exec(text)?.[1];
      return / near ":"/.test(message) && name !== undefined
        ? [{ command: `sluice exec ${target} … --param ${name}=VALUE`, when: `to give :${name} its value` }]
        : [];
    }
    case '42501': // insufficient_privilege
      return [{ command: `sluice doctor ${target}`, when: 'shows what the gateway’s own role may do there' }];
    case '40001':
    case '40P01':
    case '55P03':
      return [{ command: `sluice exec ${target} …`, when: 'to try again: others were at the same rows' }];
    default:
      return [];
  }
}

/** The table of `column "x" of relation "orders" does not exist`. */
function tableIn(message: string): string | null {
  const [, name] = / of relation "([^"]+)"/.exec(message) ?? [];
  return isPlainName(name) ? name : null;
}

/** Safe in a command that people copy. */
function isPlainName(name: string | undefined): name is string {
  return name !== undefined && /^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(name);
}
