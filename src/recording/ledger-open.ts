import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SluiceError } from '../lib/errors.js';
import { quoteForShell } from '../lib/shell-quote.js';
import type { BufferPool } from './chain.js';
import { ledgerName } from './layout.js';
import { Ledger, type LedgerOptions } from './ledger.js';
import { readLedger, type LedgerSession } from './ledger-read.js';
import type { DiskReserve } from './reserve.js';
import type { PublicKeys, SigningKey } from './signing.js';
import { SyncedFile } from './synced-file.js';
import { cutTail, openToAppend } from './tail.js';

export interface LedgerOpening {
  readonly dir: string;
  readonly key: SigningKey;
  /** Older keys too: the one that signed last goes on until a `gateway started` names another. */
  readonly signers: ReadonlyMap<string, SigningKey>;
  readonly keys: PublicKeys;
  readonly pool: BufferPool;
  readonly reserve: DiskReserve;
  readonly clock: () => number;
  readonly onSigned: NonNullable<LedgerOptions['onSigned']>;
  readonly onProblem: (message: string, cause: unknown) => void;
}

export interface OpenedLedger {
  readonly ledger: Ledger;
  readonly sessions: ReadonlyMap<string, LedgerSession>;
  /** Id of the key that signed last; null for a new ledger. */
  readonly lastKey: string | null;
}

/** Opens the ledger to write on behind its last signature, or begins one. Refuses to build on one that was changed. */
export async function openLedger(options: LedgerOpening): Promise<OpenedLedger> {
  const path = join(options.dir, ledgerName);
  if (!(await exists(path))) {
    return {
      ledger: new Ledger({ ...options, file: SyncedFile.create(path), from: null }),
      sessions: new Map(),
      lastKey: null,
    };
  }
  const content = await readLedger(path, options.keys, 'last');
  const { head, bytes, sessions, problem } = content;
  // A crash only leaves an unreadable end; a signature that does not verify, or nothing signed at all, is no crash.
  if (problem !== null && (problem.byte < bytes || (head === null && problem.record > 0))) {
    throw changed(path, problem.message);
  }
  const tail = await cutTail(path, content, options.keys);
  if (tail.kind === 'damaged') throw changed(path, problem?.message ?? 'its end is damaged');
  if (tail.kind === 'torn') options.onProblem(`the ledger's torn end was set aside in ${tail.keptIn}`, null);
  const key = options.signers.get(content.key ?? '') ?? options.key;
  const ledger = new Ledger({ ...options, key, file: openToAppend(path, bytes), from: head });
  return { ledger, sessions, lastKey: content.key };
}

function changed(path: string, message: string): SluiceError {
  return new SluiceError('recorder_failed', `the ledger of recordings was changed or is damaged: ${message}`, {
    decider: 'gateway',
    next: [
      // Here and now: a gateway whose ledger is damaged does not start, and so answers nobody.
      { command: `sluice sessions verify --dir ${quoteForShell(dirname(path))}`, when: 'to see what is still sound' },
      { command: `mv ${path} ${path}.damaged`, when: 'to begin a new ledger and keep this one as evidence' },
    ],
  });
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
