import { SluiceError } from '../lib/errors.js';
import { type Hunk, lineDiff } from '../lib/line-diff.js';
import { isShownAt } from '../policy/destination.js';
import { compareOutlines, type ThingChange } from '../policy/outline.js';
import type { Principal } from '../policy/types.js';
import type { BundleStore } from '../store/ports.js';
import type { Vault } from '../vault/vault.js';
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
  readonly hunks: readonly Hunk[];
}

export interface ApplyOutcome {
  readonly version: string;
  readonly previousVersion: string;
  readonly changed: readonly FileChange[];
  /** What the files mean that they did not, or no longer do. */
  readonly things: readonly ThingChange[];
  readonly applied: boolean;
  /** Secrets of the vault that go to none of the places where it would newly have them sent, until they are set again. */
  readonly secretsToSet: readonly string[];
}

export interface AppliedBundle {
  readonly version: string;
  readonly files: ReadonlyMap<string, string>;
  readonly by: string;
  readonly message: string | null;
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
  readonly vault: Pick<Vault, 'withheld'>;
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

  /** What was applied last, with who applied it and what they said; null before the first. */
  last(): AppliedBundle | null {
    const { history } = this.#parts;
    const [latest, entry] = [history.latest(), history.list().at(-1)];
    return latest === null || entry === undefined ? null : { ...latest, by: entry.by, message: entry.message };
  }

  rollback(version: string, order: ApplyOrder): ApplyOutcome {
    const { audit, configuration, history } = this.#parts;
    const files = (): ReadonlyMap<string, string> => {
      const found = history.files(version);
      if (found !== null) return found;
      throw new SluiceError('not_found', `no bundle version ${version} was ever applied here`, {
        next: [{ command: 'sluice policy versions', when: 'to see those that were' }],
      });
    };
    if (order.dryRun) return this.#compare(compileConfiguration(files(), this.#parts), false);
    const message = order.message ?? `rollback to ${version}`;
    const detail = { previous: configuration.current().version, message };
    return audit.attempt(order.by, 'bundle.rollback', version, detail, () => {
      const next = compileConfiguration(files(), this.#parts);
      const outcome = this.#compare(next, true);
      this.#enforce(next, { ...order, message });
      return outcome;
    });
  }

  /** Kept and recorded before it is in force: after a crash in between, the next start decides by what was kept. */
  #enforce(next: Configuration, order: ApplyOrder): void {
    const { clock, configuration, history } = this.#parts;
    const by = order.by === 'gateway' ? 'gateway' : order.by.name;
    if (history.latest()?.version !== next.version) {
      history.append({ version: next.version, files: next.files, appliedAt: clock(), by, message: order.message });
    }
    this.#parts.audit.whenKept(() => configuration.swap(next));
  }

  #compare(next: Configuration, applied: boolean): ApplyOutcome {
    const current = this.#parts.configuration.current();
    return {
      version: next.version,
      previousVersion: current.version,
      changed: changesOf(current.files, next.files),
      things: compareOutlines(current.outline, next.outline),
      applied,
      secretsToSet: this.#parts.vault.withheld(next.destinations, isShownAt),
    };
  }
}

function changesOf(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly FileChange[] {
  const changes: FileChange[] = [];
  for (const file of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const [old, now] = [before.get(file), after.get(file)];
    if (old === now) continue;
    const change = old === undefined ? 'added' : now === undefined ? 'removed' : 'modified';
    changes.push({ file, change, hunks: lineDiff(old ?? '', now ?? '') });
  }
  return changes;
}
