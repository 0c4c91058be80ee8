import { SluiceError } from '../lib/errors.js';
import type { Outcome } from './tour-shell.js';

/** Fails the tour: what was expected, and what came instead. */
export function expectThat(right: boolean, expected: string, outcome: Outcome): void {
  if (right) return;
  throw new SluiceError('unexpected', `The tour expected ${expected} of: ${outcome.command}`, {
    decider: 'local',
    cause: new Error(`exit ${outcome.code}\n${outcome.stdout}\n${outcome.stderr}`),
  });
}

export function expectExit(outcome: Outcome, code: number): void {
  expectThat(outcome.code === code, `exit ${code}, not ${outcome.code},`, outcome);
}

/** Every one of these stands in the output. */
export function expectWords(outcome: Outcome, words: readonly string[]): void {
  const all = `${outcome.stdout}\n${outcome.stderr}`;
  for (const word of words) expectThat(all.includes(word), `"${word}" in the output`, outcome);
}

/** None of these values stands in the output, not even split by spaces. */
export function expectHidden(outcome: Outcome, secrets: readonly string[]): void {
  const all = `${outcome.stdout}\n${outcome.stderr}`.replace(/[\s-]/g, '');
  for (const secret of secrets) {
    expectThat(!all.includes(secret.replace(/[\s-]/g, '')), 'a masked value to stay hidden in the output', outcome);
  }
}

/** Reads a --json document and one of its fields by path; fails the tour when it is not there. */
export function fieldOf(outcome: Outcome, ...path: readonly (string | number)[]): unknown {
  let value: unknown;
  try {
    value = JSON.parse(outcome.stdout);
  } catch {
    expectThat(false, 'one JSON document on stdout', outcome);
  }
  for (const key of path) {
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  }
  expectThat(value !== undefined, `"${path.join('.')}" in the document`, outcome);
  return value;
}
