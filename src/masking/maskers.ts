import { createHmac, type KeyObject } from 'node:crypto';
import type { ByteOutput } from './byte-output.js';
import { maskEmail, maskLastFour } from './partial.js';
import { placeholderFor } from './placeholders.js';
import type { MaskerName } from './types.js';
import { isTextType, oid } from './wire-types.js';

/** What a class masker needs to know about its column. */
export interface MaskerContext {
  readonly masker: MaskerName;
  readonly class: string;
  readonly typeOid: number;
  readonly format: 0 | 1;
  readonly hashKey: KeyObject;
}

/** Writes the mask of the value in bytes [start, end), which is not NULL, and says whether it is one: false is SQL NULL. */
export type ValueMasker = (bytes: Buffer, start: number, end: number, out: ByteOutput) => boolean;
/** The mask of a value, in bytes of its own. */
type Rendering = (value: Buffer) => Buffer;

/** The masker of one column: partial forms where the type can carry them, else the type's constant. */
export function valueMasker(context: MaskerContext): ValueMasker {
  const whole = placeholderFor(context.typeOid, context.format);
  const constant: ValueMasker = (_bytes, _start, _end, out) => {
    if (whole !== null) out.append(whole);
    return whole !== null;
  };
  switch (context.masker) {
    case 'null':
      return () => false;
    case 'redact':
      return constant;
    case 'last4':
      return lastFourMasker(context) ?? constant;
    case 'email':
      return emailMasker(context) ?? constant;
    case 'hash':
      return hashMasker(context) ?? constant;
  }
}

function rendered(render: Rendering): ValueMasker {
  return (bytes, start, end, out) => {
    out.append(render(bytes.subarray(start, end)));
    return true;
  };
}

function emailMasker({ typeOid }: MaskerContext): ValueMasker | null {
  return isTextType(typeOid) ? maskEmail : null;
}

function lastFourMasker({ typeOid, format }: MaskerContext): ValueMasker | null {
  if (isTextType(typeOid)) return maskLastFour;
  const isInteger = typeOid === oid.int8 || typeOid === oid.int4;
  if (!isInteger && !(typeOid === oid.numeric && format === 0)) return null;
  return rendered((bytes) => {
    const digits = (format === 0 ? bytes.toString('latin1') : readInteger(bytes).toString()).replace(/^-|\..*$/g, '');
    const tail = /^[0-9]{8,}$/.test(digits) ? Number(digits.slice(-4)) : 0;
    if (format === 0) return Buffer.from(String(tail));
    const out = Buffer.alloc(bytes.length);
    out.writeInt16BE(tail, bytes.length - 2);
    return out;
  });
}

/**
 * HMAC-SHA-256 over class and value: equal values of one class stay equal (joinable), across columns, types and wire
 * formats, and nothing can be looked up without the key. Whoever can write chosen values into a column of the class
 * and read it back can compare: that is inherent in anything joinable.
 */
function hashMasker({ typeOid, format, class: name, hashKey }: MaskerContext): ValueMasker | null {
  const digest = (value: string | Buffer): Buffer =>
    createHmac('sha256', hashKey).update(`${name}\0`).update(value).digest();
  if (isTextType(typeOid)) {
    const padded = typeOid === oid.bpchar;
    return rendered((bytes) => {
      let to = bytes.length;
      while (padded && to > 0 && bytes[to - 1] === 0x20) to--;
      return Buffer.from(digest(bytes.subarray(0, to)).toString('hex', 0, 16));
    });
  }
  if (typeOid === oid.uuid) {
    return rendered((bytes) => {
      const hash = digest(format === 0 ? bytes : formatUuid(bytes)).subarray(0, 16);
      return format === 0 ? Buffer.from(formatUuid(hash)) : hash;
    });
  }
  if (typeOid === oid.int8) {
    return rendered((bytes) => {
      const value = digest(format === 0 ? bytes : readInteger(bytes).toString()).readBigUInt64BE() >> 11n; // 53 bits: exact in JavaScript too
      if (format === 0) return Buffer.from(value.toString());
      const out = Buffer.alloc(8);
      out.writeBigInt64BE(value);
      return out;
    });
  }
  return null;
}

function readInteger(bytes: Buffer): bigint {
  return bytes.length === 8 ? bytes.readBigInt64BE() : BigInt(bytes.readInt32BE());
}

function formatUuid(bytes: Buffer): string {
  return bytes.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
