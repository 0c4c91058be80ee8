import type { OpenEvent } from '../events.js';
import type { SearchPage, SessionDetail, SessionFilter, SessionPage } from '../types.js';

/** How far a journal can be read now. */
export interface Grown {
  readonly id: string;
  /** Relative to the recordings folder. */
  readonly path: string;
  readonly bytes: number;
}

/** What the gateway's main thread tells the index thread, in order. */
export type IndexNote =
  | { readonly type: 'grown'; readonly sessions: readonly Grown[] }
  /** A session in mode `off`, which has no journal to read. */
  | { readonly type: 'unrecorded opened'; readonly open: OpenEvent }
  | { readonly type: 'unrecorded closed'; readonly id: string; readonly at: number; readonly reason: string }
  /** The session is over; what is missing from its journal now will not come. */
  | { readonly type: 'abandoned'; readonly id: string; readonly at: number; readonly reason: string }
  /** Its recording is no more. */
  | { readonly type: 'deleted'; readonly id: string }
  /** Reads whatever the ledger knows and the index has not finished. */
  | { readonly type: 'catch up'; readonly live: readonly string[] };

export type IndexQuestion =
  | { readonly type: 'list'; readonly filter: SessionFilter }
  | { readonly type: 'get'; readonly id: string; readonly limit: number; readonly afterOp: number }
  | { readonly type: 'path'; readonly id: string }
  | { readonly type: 'owner'; readonly id: string }
  | { readonly type: 'search'; readonly query: string; readonly filter: SessionFilter; readonly now: number }
  | { readonly type: 'reindex'; readonly live: readonly string[] };

export interface IndexAnswers {
  readonly list: SessionPage;
  readonly get: SessionDetail | null;
  readonly path: string | null;
  readonly owner: string | null;
  readonly search: SearchPage;
  readonly reindex: { readonly sessions: number };
}

export type ToIndex =
  { readonly note: IndexNote } | { readonly call: number; readonly question: IndexQuestion } | { readonly stop: true };
export type FromIndex =
  | { readonly call: number; readonly answer: unknown }
  | { readonly call: number; readonly failed: { readonly code: string; readonly message: string } }
  | { readonly problem: string };

export interface IndexThreadOptions {
  readonly recordingsDir: string;
  readonly indexPath: string;
  /** Reads what is encrypted; without it only the ends of such a session are indexed. */
  readonly identityFile: string | null;
  /** Journals of so many bytes are worth a second thread when the index is built again; 64 MiB unless said. */
  readonly splitBytes?: number;
}

/** Sessions go first: on a busy machine the index falls behind for a while rather than slow a statement down. */
export const niceness = 10;
/** What is read lives until it is written: a small nursery would copy it again and again. */
export const maxYoungGenerationSizeMb = 48;
