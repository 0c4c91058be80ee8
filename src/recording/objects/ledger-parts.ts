import { open } from 'node:fs/promises';
import { ledgerHeader, recordCodes } from '../records.js';
import { RecordScanner } from '../scan.js';

/** A stretch of the ledger that ends with a signature. */
export interface LedgerPart {
  readonly key: string;
  readonly from: number;
  readonly to: number;
}

const pieceBytes = 8 * 1024 * 1024;
const frameBytes = 4 + 32;
const width = 15;

/** `ledger/<first hash>/<from>-<to>`: parts of one ledger stand together, in order, and never change. */
function partKey(ledger: string, from: number, to: number): string {
  return `ledger/${ledger}/${String(from).padStart(width, '0')}-${String(to).padStart(width, '0')}`;
}

/** How far a ledger is known to be stored, from the keys of its parts; parts that do not join end it. */
function storedUpTo(ledger: string, keys: Iterable<string>): number {
  const prefix = `ledger/${ledger}/`;
  const spans = [...keys]
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length).split('-').map(Number))
    .sort(([a = 0], [b = 0]) => a - b);
  return spans.reduce((end, [from, to]) => (from === end && to !== undefined ? to : end), 0);
}

/** What the ledger has grown by since it was stored, up to its last signature; null when by nothing. */
export async function nextLedgerPart(path: string, keys: Iterable<string>): Promise<LedgerPart | null> {
  const file = await open(path, 'r');
  try {
    const piece = Buffer.alloc(pieceBytes);
    const start = piece.subarray(0, (await file.read(piece, 0, 64 * 1024, 0)).bytesRead);
    const [first] = new RecordScanner(ledgerHeader).push(Buffer.from(start));
    if (first === undefined) return null;
    const ledger = first.hash.toString('hex').slice(0, 16);
    const from = storedUpTo(ledger, keys);
    const { bytesRead } = await file.read(piece, 0, pieceBytes, from);
    const to = from + signedBytes(piece.subarray(0, bytesRead), from === 0 ? ledgerHeader.length : 0);
    return to === from ? null : { key: partKey(ledger, from, to), from, to };
  } finally {
    await file.close();
  }
}

/** Where the last whole signature in these records ends; 0 when there is none. */
function signedBytes(bytes: Buffer, start: number): number {
  let signed = 0;
  for (let at = start; at + 4 <= bytes.length;) {
    const length = bytes.readUInt32BE(at);
    const end = at + frameBytes + length;
    if (length === 0 || end > bytes.length) break;
    if (bytes[at + 5] === recordCodes.checkpoint) signed = end; // array head, then the code
    at = end;
  }
  return signed;
}
