import { SluiceError } from '../../lib/errors.js';
import { FieldReader } from './frames.js';
import { typeName } from './type-names.js';

/** A decoded Bind. `values` is the part behind the names, forwarded as it is under private names. */
export interface BindMessage {
  readonly portal: string;
  readonly statement: string;
  readonly values: Buffer;
  /** Text as text, binary as `\x…`, NULL as null: for the record and for approvals. */
  readonly parameters: readonly (string | null)[];
}

const noParameters: readonly (string | null)[] = [];
const lenient = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Bind: String(portal) String(statement) Int16(c) Int16(format) × c, Int16(p) then Int32(length, -1 for NULL) Byten × p,
 * Int16(r) Int16(result format) × r. PostgreSQL 55.7.
 */
export function decodeBind(payload: Buffer): BindMessage {
  const reader = new FieldReader(payload);
  const portal = reader.string();
  const statement = reader.string();
  const values = payload.subarray(reader.position);
  const formats = codes(reader);
  const count = reader.int16();
  if (count < 0) throw new SluiceError('protocol', 'negative parameter count');
  if (formats.length > 1 && formats.length !== count)
    throw new SluiceError('protocol', 'parameter formats do not match parameters');
  const parameters: (string | null)[] = [];
  for (let i = 0; i < count; i++) {
    const length = reader.int32();
    if (length < -1) throw new SluiceError('protocol', 'negative parameter length');
    const format = formats.length === 1 ? formats[0] : (formats[i] ?? 0);
    parameters.push(length === -1 ? null : readable(reader.bytes(length), format ?? 0));
  }
  codes(reader);
  reader.end();
  return { portal, statement, values, parameters: count === 0 ? noParameters : parameters };
}

/** As what a Bind's values are read, where its text alone does not say it: `types` are those of Parse, Int16(n) Int32(OID) × n. */
export function readAs({ types, values }: BoundValues): readonly string[] {
  const declared = new FieldReader(types);
  const oids = Array.from({ length: declared.int16() }, () => declared.int32() >>> 0);
  const reader = new FieldReader(values);
  const formats = codes(reader);
  const count = Math.max(0, reader.int16());
  return Array.from({ length: count }, (_, index) => {
    const isBinary = (formats.length === 1 ? formats[0] : formats[index]) === 1;
    const type = (oids[index] ?? 0) === 0 ? '' : ` as ${typeName(oids[index] ?? 0)}`;
    return type === '' && !isBinary ? '' : `$${index + 1}${type}${isBinary ? ' in binary' : ''}`;
  }).filter((line) => line !== '');
}

export interface BoundValues {
  readonly types: Buffer;
  readonly values: Buffer;
}

function codes(reader: FieldReader): readonly number[] {
  const count = reader.int16();
  if (count < 0) throw new SluiceError('protocol', 'negative format count');
  const found: number[] = [];
  for (let i = 0; i < count; i++) {
    const code = reader.int16();
    if (code !== 0 && code !== 1) throw new SluiceError('protocol', `unknown format code ${code}`);
    found.push(code);
  }
  return found;
}

function readable(bytes: Buffer, format: number): string {
  if (format === 1) return `\\x${bytes.toString('hex')}`;
  if (isShortAscii(bytes)) return bytes.toString('latin1');
  try {
    return lenient.decode(bytes);
  } catch {
    return `\\x${bytes.toString('hex')}`;
  }
}

function isShortAscii(bytes: Buffer): boolean {
  if (bytes.length > 64) return false;
  for (let at = 0; at < bytes.length; at++) if ((bytes[at] ?? 0) >= 0x80) return false;
  return true;
}
