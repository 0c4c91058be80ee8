import { list, namesOf, type Body } from './ast.js';
import type { Context } from './context.js';
import { castImplicitly, convertTo } from './functions.js';
import { clearOf } from './value.js';

/**
 * Every type that a statement names may become the type of some value: in column definitions (`json_to_record(…) AS
 * t(a positive)`), XMLTABLE, JSON functions, PREPARE. Where converting to it calls user functions, those are called.
 */
export function judgeTypeNames(ctx: Context, node: unknown): void {
  if (!ctx.catalog.implicit.hasTypeCalls) return;
  for (const body of typeNames(node)) {
    const names = namesOf(list(body, 'names'));
    const name = names[names.length - 1] ?? '';
    convertTo(ctx, name, null);
    // A column or a parameter of it may be cast to another, wherever it stands.
    castImplicitly(ctx, [clearOf(name)]);
  }
}

/** TypeName stands with its tag in lists, and without it under keys of its own. */
function* typeNames(value: unknown): Generator<Body> {
  if (Array.isArray(value)) {
    for (const item of value) yield* typeNames(item);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (/^(typeName|TypeName|returnType)$/.test(key) && typeof inner === 'object' && inner !== null)
      yield inner as Body;
    yield* typeNames(inner);
  }
}
