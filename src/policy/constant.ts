import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';

type Constant = boolean | number | string | null;

/** Facts with a known range: a comparison beyond it says nothing. */
const ranges: Readonly<Record<string, readonly [number, number]>> = { hour: [0, 23], weekday: [1, 7] };

/**
 * What a policy's conditions come to whatever is asked: true, false, or null when it depends. Reads literals, logic,
 * comparisons and the range of hour and weekday; what it cannot read depends.
 */
export function constantConditions(conditions: PolicyJson['conditions']): boolean | null {
  let all: boolean | null = true;
  for (const { kind, body } of conditions) {
    const value = constantOf(body);
    if (typeof value !== 'boolean') {
      all = all === false ? false : null;
      continue;
    }
    if (value === (kind === 'unless')) return false;
  }
  return all;
}

function constantOf(node: unknown): Constant {
  if (typeof node !== 'object' || node === null) return null;
  const [entry]: readonly (readonly [string, unknown])[] = Object.entries(node);
  if (entry === undefined) return null;
  const [operator, operands] = entry;
  if (operator === 'Value')
    return typeof operands === 'boolean' || typeof operands === 'number' || typeof operands === 'string'
      ? operands
      : null;
  if (operator === '!') {
    const value = constantOf(part(operands, 'arg'));
    return typeof value === 'boolean' ? !value : null;
  }
  if (operator === 'if-then-else') {
    const test = constantOf(part(operands, 'if'));
    return typeof test === 'boolean' ? constantOf(part(operands, test ? 'then' : 'else')) : null;
  }
  return binary(operator, part(operands, 'left'), part(operands, 'right'));
}

function binary(operator: string, left: unknown, right: unknown): Constant {
  const [a, b] = [constantOf(left), constantOf(right)];
  switch (operator) {
    case '&&':
      return a === false || b === false ? false : a === true && b === true ? true : null;
    case '||':
      return a === true || b === true ? true : a === false && b === false ? false : null;
    case '==':
    case '!=': {
      // The same expression twice is equal to itself: every fact is always present.
      if (a === null && b === null && left !== undefined && JSON.stringify(left) === JSON.stringify(right))
        return operator === '==';
      return a === null || b === null ? null : (a === b) === (operator === '==');
    }
    case '<':
    case '<=':
    case '>':
    case '>=':
      return compare(operator, rangeOf(left, a), rangeOf(right, b));
    default:
      return null;
  }
}

type Range = readonly [number, number] | null;

function compare(operator: '<' | '<=' | '>' | '>=', left: Range, right: Range): boolean | null {
  if (left === null || right === null) return null;
  const [a, b] = operator.startsWith('<') ? [left, right] : [right, left];
  const orEqual = operator.endsWith('=');
  if (orEqual ? a[1] <= b[0] : a[1] < b[0]) return true;
  if (orEqual ? a[0] > b[1] : a[0] >= b[1]) return false;
  return null;
}

function rangeOf(node: unknown, constant: Constant): Range {
  if (typeof constant === 'number') return [constant, constant];
  const access = part(node, '.');
  const attribute = part(access, 'attr');
  if (part(part(access, 'left'), 'Var') !== 'context' || typeof attribute !== 'string') return null;
  return Object.hasOwn(ranges, attribute) ? (ranges[attribute] ?? null) : null;
}

function part(node: unknown, name: string): unknown {
  return typeof node === 'object' && node !== null
    ? Object.entries(node).find(([key]) => key === name)?.[1]
    : undefined;
}
