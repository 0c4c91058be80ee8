import type { KeyObject } from 'node:crypto';
import { CborError } from './cbor.js';
import type { ChainHead } from './chain.js';
import { keyId, publicKeyOfDer } from './keys.js';
import { decodeLedgerRecord } from './ledger-codec.js';
import { ledgerHeader, type CheckpointRecord, type LedgerRecord } from './records.js';
import { chunksOf, RecordScanner, type RecordingSource, type ScannedRecord } from './scan.js';
import { checkpointProblem, placeProblem, signatureProblem, type PublicKeys } from './signing.js';
import type { RecordProblem } from './types.js';

/** What the ledger says of one session. */
export interface LedgerSession {
  readonly id: string;
  readonly path: string | null;
  readonly firstHash: Buffer | null;
  readonly target: string;
  readonly user: string;
  readonly openedAt: number;
  closed: {
    readonly records: number;
    readonly head: Buffer | null;
    readonly reason: string;
    readonly at: number;
  } | null;
  /** A legal hold: nothing deletes it. */
  held: boolean;
  /** Its tombstone: it was deleted by policy, and its journal must be gone. */
  deleted: { readonly at: number; readonly reason: string } | null;
}

/** The ledger up to its last valid signature; what stands behind that counts for nothing. */
export interface LedgerContent {
  /** The keys that were trusted, and those that they introduced (only looked for when all signatures are checked). */
  readonly keys: PublicKeys;
  /** Id of the key that signed last; null when nothing says. */
  readonly key: string | null;
  readonly sessions: ReadonlyMap<string, LedgerSession>;
  /** Signed entries, signatures not counted. */
  readonly entries: number;
  /** Records that fit the chain, signed or not. */
  readonly records: number;
  /** Where the last signature ends, and the chain there; null when nothing is signed. */
  readonly bytes: number;
  readonly head: ChainHead | null;
  /** The first thing that is wrong. */
  readonly problem: RecordProblem | null;
  /** Bytes behind that signature. */
  readonly unsignedBytes: number;
  /** The file ends in the middle of a record or in records not signed yet, as after a crash or while it is written. */
  readonly unfinished: boolean;
}

/**
 * Which signatures are checked. The last one vouches for the whole chain before it, so `last` is as safe as `all`; but
 * only `all` finds where a forged part begins.
 */
export type SignatureCheck = 'all' | 'last' | 'none';

/** Reads and checks the ledger: chain, signatures, and that no session is opened or closed twice. */
export async function readLedger(
  source: RecordingSource,
  keys: PublicKeys,
  signatures: SignatureCheck = 'all',
): Promise<LedgerContent> {
  const reader = new LedgerReader(keys, signatures);
  for await (const chunk of chunksOf(source)) if (!reader.push(chunk)) break;
  return reader.finish();
}

class LedgerReader {
  readonly #keys: Map<string, KeyObject>;
  readonly #signatures: SignatureCheck;
  #unchecked: { readonly checkpoint: CheckpointRecord; readonly key: string; readonly problem: RecordProblem } | null =
    null;
  readonly #scanner = new RecordScanner(ledgerHeader);
  readonly #sessions = new Map<string, LedgerSession>();
  #unsigned: LedgerRecord[] = [];
  #key = '';
  #entries = 0;
  #bytes = 0;
  #read = 0;
  #before: ChainHead | null = null;
  #head: ChainHead | null = null;
  #problem: RecordProblem | null = null;

  constructor(keys: PublicKeys, signatures: SignatureCheck) {
    this.#keys = new Map(keys);
    this.#signatures = signatures;
  }

  push(chunk: Buffer): boolean {
    this.#read += chunk.length;
    for (const record of this.#scanner.push(chunk)) {
      const message = this.#judge(record);
      if (message !== null) {
        this.#problem = { record: record.index, byte: record.offset, message };
        return false;
      }
      this.#before = { count: record.index, hash: Buffer.from(record.hash) };
    }
    return this.#scanner.problem === null;
  }

  finish(): LedgerContent {
    const torn = this.#scanner.finish();
    const problem =
      this.#problem ??
      this.#uncheckedProblem() ??
      (torn === null || torn.torn ? null : { record: torn.record, byte: torn.byte, message: torn.message });
    return {
      sessions: this.#sessions,
      keys: this.#keys,
      key: this.#key === '' ? null : this.#key,
      entries: this.#entries,
      records: this.#before?.count ?? 0,
      bytes: this.#bytes,
      head: this.#head,
      problem,
      unsignedBytes: this.#read - this.#bytes,
      unfinished: problem === null && (torn !== null || this.#unsigned.length > 0),
    };
  }

  #judge(record: ScannedRecord): string | null {
    let entry: LedgerRecord;
    try {
      entry = decodeLedgerRecord(record.body);
    } catch (error) {
      if (error instanceof CborError) return `cannot be decoded: ${error.message}`;
      throw error;
    }
    if (entry.type !== 'checkpoint') {
      this.#unsigned.push(entry);
      return null;
    }
    for (const each of this.#unsigned) if (each.type === 'gateway started') this.#key = each.key;
    const before = this.#before;
    if (before === null) return 'a signature over nothing';
    const problem = this.#judgeSignature(entry, before, record) ?? this.#accept();
    if (problem !== null) return problem;
    this.#bytes = this.#scanner.offset;
    this.#head = { count: record.index, hash: Buffer.from(record.hash) };
    return null;
  }

  #judgeSignature(checkpoint: CheckpointRecord, before: ChainHead, { index, offset }: ScannedRecord): string | null {
    if (this.#signatures === 'all') return checkpointProblem(checkpoint, before, this.#keys.get(this.#key));
    const problem = { record: index, byte: offset, message: '' };
    this.#unchecked = { checkpoint, key: this.#key, problem };
    return placeProblem(checkpoint, before);
  }

  #uncheckedProblem(): RecordProblem | null {
    if (this.#unchecked === null || this.#signatures !== 'last') return null;
    const { checkpoint, key, problem } = this.#unchecked;
    const message = signatureProblem(checkpoint, this.#keys.get(key));
    return message === null ? null : { ...problem, message };
  }

  /** Takes over the entries that the signature just read vouches for. */
  #accept(): string | null {
    for (const entry of this.#unsigned) {
      this.#entries++;
      if (entry.type === 'key introduced') this.#trust(entry.key, entry.spki);
      else if (entry.type === 'session opened') {
        if (this.#sessions.has(entry.session)) return `session ${entry.session} is opened twice`;
        this.#sessions.set(entry.session, {
          id: entry.session,
          path: entry.path,
          firstHash: entry.firstHash === null ? null : Buffer.from(entry.firstHash),
          target: entry.target,
          user: entry.user,
          openedAt: entry.at,
          closed: null,
          held: false,
          deleted: null,
        });
      } else if (entry.type === 'session closed') {
        const session = this.#sessions.get(entry.session);
        if (session === undefined) return `session ${entry.session} is closed but was never opened`;
        if (session.closed !== null) return `session ${entry.session} is closed twice`;
        const { records, head, reason, at } = entry;
        session.closed = { records, head: head === null ? null : Buffer.from(head), reason, at };
      } else {
        const problem = this.#acceptLater(entry);
        if (problem !== null) return problem;
      }
    }
    this.#unsigned = [];
    return null;
  }

  /** A key that a trusted one vouches for is trusted too. With the last signature alone checked nobody has vouched yet. */
  #trust(id: string, spki: Uint8Array): void {
    if (this.#signatures !== 'all') return;
    const key = publicKeyOfDer(spki);
    if (key !== null && keyId(key) === id) this.#keys.set(id, key);
  }

  /** What happens to a session after its end. A tombstone on a held, open or unknown session is no tombstone. */
  #acceptLater(entry: LedgerRecord): string | null {
    if (entry.type !== 'session held' && entry.type !== 'session released' && entry.type !== 'session deleted') {
      return null;
    }
    const session = this.#sessions.get(entry.session);
    if (session === undefined) return `session ${entry.session} was never opened, yet: ${entry.type}`;
    if (session.deleted !== null) return `session ${entry.session} is deleted already, yet: ${entry.type}`;
    if (entry.type !== 'session deleted') {
      session.held = entry.type === 'session held';
      return null;
    }
    const { closed } = session;
    if (closed === null) return `session ${entry.session} is deleted before it was closed`;
    if (session.held) return `session ${entry.session} is deleted in spite of a legal hold`;
    const sameHead = closed.head === null ? entry.head === null : closed.head.equals(entry.head ?? Buffer.alloc(0));
    if (closed.records !== entry.records || !sameHead) return `the tombstone of ${entry.session} is that of another`;
    session.deleted = { at: entry.at, reason: entry.reason };
    return null;
  }
}
