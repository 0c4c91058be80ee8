import { constantOf } from './ast.js';
import type { Context } from './context.js';
import { isRoleParameter, isSafeSetting } from './parameters.js';
import { isTainted, type Value } from './value.js';

/** One parameter set to one value, by SET or by set_config. A value that is not constant is `null`: never safe. */
export function addSetting(ctx: Context, name: string, value: string | null): void {
  const object = name.toLowerCase();
  if (isRoleParameter(object)) {
    ctx.findings.add('setRole', 'Object', [value ?? '?'], { object });
    return;
  }
  const action = value !== null && isSafeSetting(object, value) ? 'setSafeParameter' : 'setParameter';
  ctx.findings.add(action, 'Object', [object], { object });
}

/** A parameter whose name cannot be known may be any, those that the gateway pins included. */
export function addUnnamedSetting(ctx: Context): void {
  for (const object of ['?', 'client_encoding', 'standard_conforming_strings', 'search_path']) {
    ctx.findings.add('setParameter', 'Object', [object], { object });
  }
}

/** `set_config(name, value, is_local)`: as SET; its new value is told to the client in ParameterStatus. */
export function setConfig(ctx: Context, nodes: readonly unknown[], values: readonly Value[]): void {
  for (const value of values) if (isTainted(value)) ctx.findings.infer(value);
  const [name, value] = nodes.map(constantOf);
  if (typeof name !== 'string') {
    addUnnamedSetting(ctx);
    ctx.findings.add('callFunction', 'Function', ['pg_catalog', 'set_config'], {
      source: 'builtin',
      volatility: 'volatile',
    });
    return;
  }
  addSetting(ctx, name, value === undefined ? null : String(value ?? ''));
}
