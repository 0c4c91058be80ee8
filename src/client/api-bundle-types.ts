import type { BundleFiles, Envelope } from './api-types.js';

/** POST /v1/bundle, the body. */
export interface ApplyBody {
  readonly files: BundleFiles;
  readonly dry_run: boolean;
  readonly message?: string;
}
/** POST /v1/bundle/rollback, the body. */
export interface RollbackBody {
  readonly version: string;
  readonly dry_run: boolean;
  readonly message?: string;
}
export type BundleChange = 'added' | 'removed' | 'modified';
/** POST /v1/bundle, POST /v1/bundle/rollback */
export interface ApplyResult extends Envelope<'sluice.apply/v1'> {
  readonly version: string;
  readonly previous_version: string | null;
  readonly changed: readonly {
    readonly file: string;
    readonly change: BundleChange;
    /** Null for who may not read policy. */
    readonly hunks:
      readonly { readonly before: number; readonly after: number; readonly lines: readonly string[] }[] | null;
  }[];
  readonly things: readonly {
    readonly kind: string;
    readonly name: string;
    readonly change: BundleChange;
    readonly words: string;
  }[];
  readonly applied: boolean;
  /** Secrets of the vault that go nowhere new until whoever knows them has set them again. */
  readonly secrets_to_set: readonly string[];
}
/** GET /v1/bundle/versions */
export interface BundleVersions extends Envelope<'sluice.bundle_versions/v1'> {
  readonly versions: readonly {
    readonly version: string;
    readonly digest: string;
    readonly applied_at: string;
    readonly by: string;
    readonly message: string | null;
    readonly in_force: boolean;
  }[];
}
/** GET /v1/bundle */
export interface BundleDocument extends Envelope<'sluice.bundle/v1'> {
  readonly version: string;
  readonly versions: readonly { readonly version: string; readonly applied_at: string; readonly by: string }[];
  readonly files: BundleFiles;
}
