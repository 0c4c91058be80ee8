import { SluiceError } from '../lib/errors.js';
import type { ProtocolEngine } from '../sessions/engine.js';
import type { TargetConfig } from '../sessions/types.js';

/** The gateway's engines by the kind of target they serve. */
export class Engines {
  readonly #byKind: ReadonlyMap<string, ProtocolEngine>;

  constructor(byKind: ReadonlyMap<string, ProtocolEngine>) {
    this.#byKind = byKind;
  }

  of({ kind }: Pick<TargetConfig, 'kind'>): ProtocolEngine {
    const engine = this.#byKind.get(kind);
    if (engine === undefined) throw new SluiceError('config_invalid', `targets of kind ${kind} are not served`);
    return engine;
  }
}
