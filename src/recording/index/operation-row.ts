import type { OperationEvent } from '../events.js';
import { maxIndexedText } from './schema.js';

export type Texts = readonly (string | null)[];

/** One operation as the index keeps it. */
export interface OperationRow {
  readonly op: number;
  readonly at: number;
  readonly kind: string;
  text: string;
  readonly parameters: Texts;
  readonly effects: readonly string[];
  verdict: string | null;
  policies: readonly string[];
  message: string | null;
  request: string | null;
  rowCount: number | null;
  error: string | null;
  durationMs: number | null;
  /** Who approved or refused, and what they said. */
  people: string;
  /** Whether it can be found by its words, or by others than it has now. */
  indexed: 'no' | 'yes' | 'otherwise';
}

const nothing: readonly never[] = [];

export function newOperation({ op, at, kind, text, parameters, effects, fault }: OperationEvent): OperationRow {
  return {
    op,
    at: Math.trunc(at),
    kind,
    text: clip(text),
    parameters: isShort(parameters) ? parameters : nothing,
    effects: isShort(effects) ? effects : nothing,
    verdict: null,
    policies: nothing,
    message: fault === null ? null : clip(fault),
    request: null,
    rowCount: null,
    error: null,
    durationMs: null,
    people: '',
    indexed: 'no',
  };
}

export function newTerminal(op: number, at: number): OperationRow {
  return newOperation({
    ...{ type: 'operation', op, at, kind: 'terminal', text: '', parameters: nothing, effects: nothing, fault: null },
  });
}

export function clip(text: string): string {
  return text.length > maxIndexedText ? text.slice(0, maxIndexedText) : text;
}

function isShort(texts: Texts): boolean {
  let length = 0;
  for (const text of texts) length += (text?.length ?? 4) + 3;
  return length <= maxIndexedText;
}
