import type { CatalogHandle, ClassifiedColumns, RawCatalog } from '../postgres-types.js';
import type { Shape } from './constants.js';

/** What the gateway asks of an analysis worker. Catalogs travel as the bytes of their JSON. */
export type WorkerRequest =
  | {
      readonly type: 'analyse';
      readonly id: number;
      readonly epoch: number;
      readonly sql: string;
      /** Given when it is to be found out which of its constants are free. */
      readonly shape: Shape | null;
    }
  | { readonly type: 'load'; readonly id: number; readonly epoch: number; readonly bytes: CatalogBytes };

/** What it answers. `json` is a QueryAnalysis: text, so that its size is known and the worker's thread does the work. */
export type WorkerResponse =
  | { readonly type: 'ready' }
  | { readonly type: 'analysed'; readonly id: number; readonly json: string; readonly free: readonly number[] | null }
  | { readonly type: 'loaded'; readonly id: number; readonly handle: LoadedCatalog }
  /** The worker does not hold this catalog (it is new, or it had to forget): send it and ask again. */
  | { readonly type: 'catalogNeeded'; readonly id: number }
  /** The parser or the analysis failed in a way of its own: the worker must be replaced. */
  | { readonly type: 'fault'; readonly id: number; readonly message: string };

/** A catalog's handle, without the epoch that its owner gives it. */
export type LoadedCatalog = Omit<CatalogHandle, 'epoch'>;

/** A catalog as it travels: what may change, and the server's own functions, which a worker reads once. */
export interface CatalogBytes {
  readonly parts: Uint8Array;
  readonly builtins: { readonly digest: string; readonly bytes: Uint8Array };
}

/** The two arguments of `loadCatalog` without the built-in functions, as they are serialised. */
export interface CatalogParts {
  readonly raw: RawCatalog;
  readonly classified: ClassifiedColumns;
}
