import { SluiceError } from '../lib/errors.js';
import type { Principal } from '../policy/types.js';
import type { BundleStore } from '../store/ports.js';
import type { Audit } from './audit.js';
import {
  type ActiveConfiguration,
  type Configuration,
  type ConfigurationParts,
  compileConfiguration,
} from './configuration.js';

export interface FileChange {
  readonly file: string;
  readonly change: 'added' | 'removed' | 'modified';
}

export interface ApplyOutcome {
  readonly version: string;
  readonly previousVersion: string;
  readonly changed: readonly FileChange[];
  readonly applied: boolean;
}

export interface ApplyOrder {
  readonly by: Principal | 'gateway';
  readonly dryRun: boolean;
  readonly message: string | null;
}

export interface BundleAdminParts extends ConfigurationParts {
  readonly history: BundleStore;
  readonly configuration: ActiveConfiguration;
  readonly audit: Audit;
}

/** Applies bundles: validated whole, then kept, then in force at once. No step waits, so two callers cannot interleave. */
export class BundleAdmin {
  readonly #parts: BundleAdminParts;

  constructor(parts: BundleAdminParts) {
    this.#parts = parts;
  }

  apply(files: ReadonlyMap<string, string>, order: ApplyOrder): ApplyOutcome {
    if (order.dryRun) return this.#compare(compileConfiguration(files, this.#parts), false);
    const { audit, configuration } = this.#parts;
    const detail = { previous: configuration.current().version, message: order.message ?? '' };
    return audit.attempt(order.by, 'bundle.apply', 'bundle', detail, () => {
      const next = compileConfiguration(files, this.#parts);
      const outcome = this.#compare(next, true);
      this.#enforce(next, order);
      return outcome;
    });
  }

  rollback(version: string, by: Principal): ApplyOutcome {
    const { audit, configuration, history } = this.#parts;
    const detail = { previous: configuration.current().version };
    return audit.attempt(by, 'bundle.rollback', version, detail, () => {
      const files = history.files(version);
      if (files === null) throw new SluiceError('not_found', `no bundle version ${version} was ever applied here`);
      const next = compileConfiguration(files, this.#parts);
      const outcome = this.#compare(next, true);
      this.#enforce(next, { by, dryRun: false, message: `rollback to ${version}` });
      return outcome;
    });
  }

  /** Kept before it is in force: after a crash in between, the next start decides by what was kept. */
  #enforce(next: Configuration, order: ApplyOrder): void {
    const { clock, configuration, history } = this.#parts;
    const by = order.by === 'gateway' ? 'gateway' : order.by.name;
    if (history.latest()?.version !== next.version) {
      history.append({ version: next.version, files: next.files, appliedAt: clock(), by, message: order.message });
    }
    configuration.swap(next);
  }

  #compare(next: Configuration, applied: boolean): ApplyOutcome {
    const current = this.#parts.configuration.current();
    return {
      version: next.version,
      previousVersion: current.version,
      changed: changesOf(current.files, next.files),
      applied,
    };
  }
}

function changesOf(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly FileChange[] {
  const changes: FileChange[] = [];
  for (const [file, text] of after) {
    const old = before.get(file);
    if (old === undefined) changes.push({ file, change: 'added' });
    else if (old !== text) changes.push({ file, change: 'modified' });
  }
  for (const file of before.keys()) if (!after.has(file)) changes.push({ file, change: 'removed' });
  return changes.sort((a, b) => (a.file < b.file ? -1 : 1));
}
