import { CborError } from '../cbor.js';
import { hashBytes, sha256, type ChainHead } from '../chain.js';
import { decodeLedgerRecord } from '../ledger-codec.js';
import { ledgerHeader, type LedgerRecord } from '../records.js';
import { chunksOf, RecordScanner, type ScannedRecord } from '../scan.js';
import { checkpointProblem, type PublicKeys } from '../signing.js';

const header = Buffer.from('sluice ledger excerpt 1\n');
const countBytes = 8;
const lengthBytes = 4;

/** The ledger's own records that show one session's opening and its end, each up to the signature that vouches for it. */
export interface LedgerExcerpts {
  readonly opened: Buffer;
  readonly closed: Buffer;
  /** Those by which each key until then vouched for the one after it, in order. */
  readonly introduced: readonly Buffer[];
}

/**
 * "sluice ledger excerpt 1\n" Int64(records before) Byte32(hash of the last of them) record*: a stretch of the ledger's
 * chain that can be checked without the rest of it. Null when the session is not in the ledger, or not closed there.
 */
export async function excerptLedger(path: string, session: string): Promise<LedgerExcerpts | null> {
  const scanner = new RecordScanner(ledgerHeader);
  const found = new Map<string, Buffer[]>();
  let growing: Buffer[] | null = null;
  const introduced: Buffer[][] = [];
  let introducing: Buffer[] | null = null;
  let before: ChainHead = { count: 0, hash: sha256(ledgerHeader) };
  for await (const chunk of chunksOf(path)) {
    for (const scanned of scanner.push(chunk)) {
      const record = decodeLedgerRecord(scanned.body);
      if (growing === null && concerns(record, session) && !found.has(record.type)) {
        growing = [startOf(before)];
        found.set(record.type, growing);
      } else if (concerns(record, session) && growing !== null) found.set(record.type, growing);
      if (record.type === 'key introduced' && introducing === null && !found.has('session closed')) {
        introducing = [startOf(before)];
        introduced.push(introducing);
      }
      growing?.push(frameOf(scanned));
      introducing?.push(frameOf(scanned));
      if (record.type === 'checkpoint') growing = introducing = null;
      before = { count: scanned.index, hash: Buffer.from(scanned.hash) };
    }
  }
  const [opened, closed] = [found.get('session opened'), found.get('session closed')];
  if (opened === undefined || closed === undefined || growing !== null) return null;
  const excerpts = introduced.map((frames) => Buffer.concat(frames));
  return { opened: Buffer.concat(opened), closed: Buffer.concat(closed), introduced: excerpts };
}

function concerns(record: LedgerRecord, session: string): boolean {
  return (record.type === 'session opened' || record.type === 'session closed') && record.session === session;
}

function startOf({ count, hash }: ChainHead): Buffer {
  const start = Buffer.alloc(countBytes);
  start.writeBigUInt64BE(BigInt(count));
  return Buffer.concat([header, start, hash]);
}

function frameOf({ body, hash }: ScannedRecord): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body, hash]);
}

/** The records of an excerpt that a trusted key vouches for; a text when it does not hold together. */
export function readExcerpt(bytes: Buffer, keys: PublicKeys): readonly LedgerRecord[] | string {
  const start = header.length + countBytes + hashBytes;
  if (bytes.length < start || !bytes.subarray(0, header.length).equals(header)) return 'not an excerpt of a ledger';
  let before: ChainHead = {
    count: Number(bytes.readBigUInt64BE(header.length)),
    hash: bytes.subarray(header.length + countBytes, start),
  };
  const scanner = RecordScanner.after(ledgerHeader, { ...before, offset: start });
  const records: LedgerRecord[] = [];
  try {
    for (const { body, hash, index } of scanner.push(bytes.subarray(start))) {
      const record = decodeLedgerRecord(body);
      if (record.type === 'checkpoint') {
        const head = before;
        const problems = [...keys.values()].map((key) => checkpointProblem(record, head, key));
        if (problems.length === 0) return 'there is no key to check its signature with';
        if (!problems.includes(null)) return problems[0] ?? 'the signature does not verify';
      }
      records.push(record);
      before = { count: index, hash: Buffer.from(hash) };
    }
  } catch (error) {
    if (error instanceof CborError) return `cannot be decoded: ${error.message}`;
    throw error;
  }
  const torn = scanner.finish();
  if (torn !== null) return torn.message;
  return records.at(-1)?.type === 'checkpoint' ? records : 'nothing vouches for its end';
}
