import { createCipheriv, createDecipheriv } from 'node:crypto';
import { CborError, type CborWriter } from '../cbor.js';
import { decodeRecord } from '../event-decoder.js';
import { encodeEncrypted } from '../event-encoder.js';
import type { SessionEvent } from '../events.js';
import { eventsOf, type EncryptedRecord } from '../records.js';

const purpose = Buffer.from('sluice record 1\n');
const nonceBytes = 12;
const tagBytes = 16;

/** What is authenticated beside the ciphertext: purpose, Int64(time), Byte1(code), as they stand in clear. */
function associated(at: number, code: number): Buffer {
  const bytes = Buffer.alloc(purpose.length + 9);
  const offset = purpose.copy(bytes);
  bytes.writeBigInt64BE(BigInt(at), offset);
  bytes[offset + 8] = code;
  return bytes;
}

/**
 * Encrypts the records of one session: AES-256-GCM under its own key, the nonce a number that only grows. A record that
 * could not be written is encrypted anew with the next number, so no nonce serves twice; and no other process ever
 * encrypts under this key.
 */
export class RecordCipher {
  readonly #key: Buffer;
  #used = 0;

  constructor(key: Buffer) {
    this.#key = key;
  }

  /** Puts the encrypted record in the place of the body that begins at `start` and happened at `at`. */
  seal(out: CborWriter, start: number, at: number): void {
    const plain = out.buffer.subarray(start, out.length);
    const code = plain[1] ?? 0; // array head, then an integer under 24
    const nonce = Buffer.alloc(nonceBytes);
    nonce.writeBigUInt64BE(BigInt(++this.#used), nonceBytes - 8);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    cipher.setAAD(associated(at, code));
    const box = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    out.length = start;
    encodeEncrypted(out, { at, code, box });
  }
}

/** The events inside an encrypted record. Throws CborError when the key is another or the record was made by nobody. */
export function decryptRecord({ at, code, box }: EncryptedRecord, key: Uint8Array): readonly SessionEvent[] {
  const body = openBox(at, code, box, key);
  if (body[1] !== code) throw new CborError('what is encrypted is not what stands before it');
  const record = decodeRecord(body);
  switch (record.type) {
    case 'binding':
    case 'checkpoint':
    case 'recipients':
    case 'encrypted':
      throw new CborError('this record is never encrypted');
    default:
      return eventsOf(record);
  }
}

function openBox(at: number, code: number, box: Uint8Array, key: Uint8Array): Buffer {
  if (box.length < nonceBytes + tagBytes) throw new CborError('too short to be encrypted');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, nonceBytes));
    decipher.setAAD(associated(at, code));
    decipher.setAuthTag(box.subarray(box.length - tagBytes));
    return Buffer.concat([decipher.update(box.subarray(nonceBytes, box.length - tagBytes)), decipher.final()]);
  } catch {
    throw new CborError('the key does not open it');
  }
}
