import { createHmac, type KeyObject } from 'node:crypto';
import { maskEmail, maskLastFour, reusedStars } from './partial.js';
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

/** Masks the value in bytes [start, end), which is not NULL; null stands for SQL NULL. The bytes are good until the next call. */
export type ValueMasker = (bytes: Buffer, start: number, end: number) => Buffer | null;

/** The masker of one column: partial forms where the type can carry them, else the type's constant. */
export function valueMasker(context: MaskerContext): ValueMasker {
  const whole = placeholderFor(context.typeOid, context.format);
  const constant: ValueMasker = () => whole;
  switch (context.masker) {
    case 'null':
      return () => null;
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

function emailMasker({ typeOid }: MaskerContext): ValueMasker | null {
  if (!isTextType(typeOid)) return null;
  const stars = reusedStars();
  return (bytes, start, end) => maskEmail(bytes, start, end, stars);
}

function lastFourMasker({ typeOid, format }: MaskerContext): ValueMasker | null {
  if (isTextType(typeOid)) {
    const stars = reusedStars();
    return (bytes, start, end) => maskLastFour(bytes, start, end, stars);
  }
  const isInteger = typeOid === oid.int8 || typeOid === oid.int4;
  if (!isInteger && !(typeOid === oid.numeric && format === 0)) return null;
  return (row, start, end) => {
    const bytes = row.subarray(start, end);
    const digits = (format === 0 ? bytes.toString('latin1') : readInteger(bytes).toString()).replace(/^-|\..*$/g, '');
    const tail = /^[0-9]{8,}$/.test(digits) ? Number(digits.slice(-4)) : 0;
    if (format === 0) return Buffer.from(String(tail));
    const out = Buffer.alloc(bytes.length);
    out.writeInt16BE(tail, bytes.length - 2);
    return out;
  };
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
    return (row, start, end) => {
      let to = end;
      while (padded && to > start && row[to - 1] === 0x20) to--;
      const value = row.subarray(start, to);
      return Buffer.from(digest(value).toString('hex', 0, 16));
    };
  }
  if (typeOid === oid.uuid) {
    return (row, start, end) => {
      const bytes = row.subarray(start, end);
      const hash = digest(format === 0 ? bytes : formatUuid(bytes)).subarray(0, 16);
      return format === 0 ? Buffer.from(formatUuid(hash)) : Buffer.from(hash);
    };
  }
  if (typeOid === oid.int8) {
    return (row, start, end) => {
      const bytes = row.subarray(start, end);
      const value = digest(format === 0 ? bytes : readInteger(bytes).toString()).readBigUInt64BE() >> 11n; // 53 bits: exact in JavaScript too
      if (format === 0) return Buffer.from(value.toString());
      const out = Buffer.alloc(8);
      out.writeBigInt64BE(value);
      return out;
    };
  }
  return null;
}

function readInteger(bytes: Buffer): bigint {
  return bytes.length === 8 ? bytes.readBigInt64BE() : BigInt(bytes.readInt32BE());
}

function formatUuid(bytes: Buffer): string {
  return bytes.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
