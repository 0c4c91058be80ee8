import { constants, openSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { CborError } from './cbor.js';
import { decodeRecord } from './event-decoder.js';
import { recordCodes } from './records.js';
import { signatureProblem, type PublicKeys } from './signing.js';
import { SyncedFile } from './synced-file.js';

/** What every checkpoint's body starts with: Array(5), its code, Int64 time. */
const checkpointStart = Buffer.from([0x85, recordCodes.checkpoint, 0x1b]);
const checkpointBytes = { least: 3 + 8 + 1 + 34 + 66, most: 3 + 8 + 9 + 34 + 66 };
/** Nothing that was written since the last sync is longer; what is longer was not torn by a crash. */
const maxTornBytes = 256 * 1024 * 1024;

/** What could not be verified at the end of a file. */
export type Tail =
  | { readonly kind: 'none' }
  | { readonly kind: 'torn'; readonly bytes: number; readonly keptIn: string }
  /** A later part carries a valid signature: the file was sound once, and changed since. It is left as it is. */
  | { readonly kind: 'damaged' };

/** Up to where a file is to be kept, and how many records at its beginning fit their chain. */
export interface SoundPart {
  readonly bytes: number;
  readonly records: number;
}

/**
 * Cuts off what follows the sound part, as a crash leaves it, and keeps it in a `.torn` file beside. Unless a signature
 * of ours in it vouches for records that are not sound any more: then this is no crash, and nothing is touched.
 */
export async function cutTail(path: string, { bytes: sound, records }: SoundPart, keys: PublicKeys): Promise<Tail> {
  const { size } = await stat(path);
  if (size <= sound) return { kind: 'none' };
  if (size - sound > maxTornBytes) return { kind: 'damaged' };
  const file = await open(path, 'r+');
  try {
    const torn = Buffer.alloc(size - sound);
    await file.read(torn, 0, torn.length, sound);
    if (holdsSignature(torn, records, keys)) return { kind: 'damaged' };
    const keptIn = `${path}.torn`;
    const kept = await open(keptIn, 'a', 0o600);
    try {
      await kept.write(torn);
      await kept.sync();
    } finally {
      await kept.close();
    }
    await file.truncate(sound);
    await file.sync();
    return { kind: 'torn', bytes: torn.length, keptIn };
  } finally {
    await file.close();
  }
}

/** Looks for any whole checkpoint with a valid signature. Those inside rows or texts do no harm: the file is left alone. */
function holdsSignature(bytes: Buffer, sound: number, keys: PublicKeys): boolean {
  for (let at = bytes.indexOf(checkpointStart); at >= 0; at = bytes.indexOf(checkpointStart, at + 1)) {
    for (let length = checkpointBytes.least; length <= checkpointBytes.most; length++) {
      if (isSigned(bytes.subarray(at, at + length), sound, keys)) return true;
    }
  }
  return false;
}

function isSigned(body: Buffer, sound: number, keys: PublicKeys): boolean {
  try {
    const record = decodeRecord(body);
    // One over no more than the sound records only lost its own chain hash, as a torn write may.
    if (record.type !== 'checkpoint' || record.count <= sound) return false;
    for (const key of keys.values()) if (signatureProblem(record, key) === null) return true;
    return false;
  } catch (error) {
    if (error instanceof CborError) return false;
    throw error;
  }
}

/** Opens a file to write on behind its last sound byte. */
export function openToAppend(path: string, position: number): SyncedFile {
  return new SyncedFile(openSync(path, constants.O_RDWR), position);
}
