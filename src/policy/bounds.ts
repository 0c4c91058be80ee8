import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { contextAttributes } from './mentions.js';

/** Where a decision may change while a result is being read: values that policies compare a counter with. */
export interface ReadBounds {
  readonly session: CounterBounds;
  readonly identity: CounterBounds;
}
interface CounterBounds {
  readonly rowsRead: Stops;
  readonly bytesRead: Stops;
}
/** Ascending. `every`: a policy uses the counter in a way that names no value, so it is asked again at each such step. */
export interface Stops {
  readonly values: readonly number[];
  readonly every: number;
}

const comparisons = new Set(['<', '<=', '>', '>=', '==', '!=']);
const steps = { rowsRead: 1_000, bytesRead: 1024 * 1024 } as const;
type Counter = keyof typeof steps;
type Holder = keyof ReadBounds;

/** Reads from the policies' syntax trees at which counts of rows and bytes their answers may change; null for never. */
export function findReadBounds(policies: Iterable<PolicyJson>): ReadBounds | null {
  const all = [...policies];
  const of = (holder: Holder): CounterBounds => ({
    rowsRead: stopsOf(all, holder, 'rowsRead'),
    bytesRead: stopsOf(all, holder, 'bytesRead'),
  });
  const bounds = { session: of('session'), identity: of('identity') };
  const some = [bounds.session, bounds.identity].some((holder) =>
    [holder.rowsRead, holder.bytesRead].some(({ values, every }) => values.length > 0 || every !== Infinity),
  );
  return some ? bounds : null;
}

/** The least count above `count` at which the answer may be another. */
export function nextStop({ values, every }: Stops, count: number): number {
  const named = values.find((value) => value > count) ?? Infinity;
  return every === Infinity ? named : Math.min(named, (Math.floor(count / every) + 1) * every);
}

function stopsOf(policies: readonly PolicyJson[], holder: Holder, counter: Counter): Stops {
  const values = new Set<number>();
  let irregular = false;
  for (const { conditions } of policies) {
    const facts = contextAttributes(conditions);
    if (facts !== 'all' && !facts.has(holder)) continue;
    if (facts === 'all' || !visit(conditions, holder, counter, values)) irregular = true;
  }
  return { values: [...values].sort((a, b) => a - b), every: irregular ? steps[counter] : Infinity };
}

/** Collects what the counter is compared with; false where it is used in another way. */
function visit(node: unknown, holder: Holder, counter: Counter, values: Set<number>): boolean {
  if (typeof node !== 'object' || node === null) return true;
  const used = counterOf(node, holder);
  if (used !== null) return used !== counter && used !== '';
  let regular = true;
  for (const [key, value] of Object.entries(node) as [string, unknown][]) {
    if (comparisons.has(key) && typeof value === 'object' && value !== null && 'left' in value && 'right' in value) {
      const bound = comparedWith(value.left, value.right, holder, counter);
      if (bound !== null) {
        // Whether `>` or `>=`: one of the two counts is where it turns.
        values.add(bound).add(bound + 1);
        continue;
      }
    }
    regular = visit(value, holder, counter, values) && regular;
  }
  return regular;
}

function comparedWith(left: unknown, right: unknown, holder: Holder, counter: Counter): number | null {
  for (const [a, b] of [
    [left, right],
    [right, left],
  ]) {
    if (typeof a !== 'object' || a === null || counterOf(a, holder) !== counter) continue;
    if (typeof b === 'object' && b !== null && 'Value' in b && typeof b.Value === 'number') return b.Value;
  }
  return null;
}

/** `context.session.rowsRead` → "rowsRead"; `context.session` by itself → "". Null for anything else. */
function counterOf(node: object, holder: Holder): string | null {
  const access = '.' in node ? node['.'] : null;
  if (typeof access !== 'object' || access === null || !('left' in access) || !('attr' in access)) return null;
  const { left, attr } = access;
  if (typeof left !== 'object' || left === null) return null;
  if ('Var' in left) return left.Var === 'context' && attr === holder ? '' : null;
  return counterOf(left, holder) === '' && typeof attr === 'string' ? attr : null;
}
