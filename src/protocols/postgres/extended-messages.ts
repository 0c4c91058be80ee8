import { SluiceError } from '../../lib/errors.js';
import { FieldReader } from './frames.js';

/** A client's messages of the extended query protocol, but Bind. PostgreSQL 55.7. Each throws `protocol` when malformed. */
export interface ParseMessage {
  readonly name: string;
  readonly text: string;
  /** Int16(n) Int32(type OID) × n, as it came. */
  readonly types: Buffer;
}

/** Parse: String(name) String(text) Int16(n) Int32(type OID) × n. */
export function decodeParse(payload: Buffer): ParseMessage {
  const reader = new FieldReader(payload);
  const message = { name: reader.string(), text: reader.string(), types: reader.rest() };
  const { types } = message;
  if (types.length < 2 || types.length !== 2 + 4 * types.readUInt16BE(0)) {
    throw new SluiceError('protocol', 'malformed Parse message');
  }
  return message;
}

/** Execute: String(portal) Int32(row limit). */
export function decodeExecute(payload: Buffer): { readonly portal: string; readonly maxRows: number } {
  const reader = new FieldReader(payload);
  const message = { portal: reader.string(), maxRows: reader.int32() };
  reader.end();
  return message;
}

/** Describe and Close: Byte1('S' or 'P') String(name). */
export function decodeNamed(payload: Buffer): { readonly kind: 'statement' | 'portal'; readonly name: string } {
  const reader = new FieldReader(payload);
  const kind = reader.byte();
  const name = reader.string();
  reader.end();
  if (kind === 0x53) return { kind: 'statement', name };
  if (kind === 0x50) return { kind: 'portal', name };
  throw new SluiceError('protocol', `invalid Describe or Close subtype ${kind}`);
}
