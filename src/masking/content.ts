import { hasByte } from './bytes.js';
import { findSpans, maskText, replaceSpans, type Detectors } from './detectors.js';
import { maskArrayText, maskJsonText, maskXmlText, type StringMask } from './structured-text.js';
import { arrayElements, contentKind, type ContentKind } from './wire-types.js';

const backslash = 0x5c;
const ampersand = 0x26;
const quote = 0x22;

/** A text-like column whose content detectors look into. */
export interface Content {
  readonly kind: ContentKind;
  readonly typeOid: number;
  readonly format: 0 | 1;
  readonly detectors: Detectors;
}

/** The masked value of bytes [start, end), or null when detectors find nothing: then nothing was allocated. */
export function maskContent(bytes: Buffer, start: number, end: number, content: Content): Buffer | null {
  const { kind, detectors, format } = content;
  switch (kind) {
    case 'text':
      return maskPlain(bytes, start, end, detectors);
    case 'json':
      return maskJson(bytes, start, end, detectors);
    case 'jsonb': {
      if (format === 0) return maskJson(bytes, start, end, detectors);
      // jsonb_send: Byte1(version, 1) String(text)
      if (bytes[start] !== 1) throw new TypeError('unknown version of binary jsonb');
      const masked = maskJson(bytes, start + 1, end, detectors);
      return masked === null ? null : Buffer.concat([Buffer.from([1]), masked]);
    }
    case 'xml':
      if (!hasByte(bytes, ampersand, start, end)) return maskPlain(bytes, start, end, detectors);
      return viaText(bytes, start, end, (text) => maskXmlText(text, (part) => maskText(part, detectors)));
    case 'opaque':
      // Of an unknown type nothing can be replaced in place, so the caller withholds the value.
      if (findSpans(bytes, start, end, detectors) === null) return null;
      throw new TypeError('a secret in a value of unknown type');
    case 'array':
      return format === 0 ? maskArrayLiteral(bytes, start, end, content) : maskBinaryArray(bytes, start, end, content);
  }
}

function maskPlain(bytes: Buffer, start: number, end: number, detectors: Detectors): Buffer | null {
  const spans = findSpans(bytes, start, end, detectors);
  return spans === null ? null : replaceSpans(bytes, start, end, spans);
}

/** Escapes can hide a secret from a look at the bytes, so a text that has any is read string by string. */
function maskJson(bytes: Buffer, start: number, end: number, detectors: Detectors): Buffer | null {
  if (!hasByte(bytes, backslash, start, end) && findSpans(bytes, start, end, detectors) === null) return null;
  return viaText(bytes, start, end, (text) => maskJsonText(text, (part) => maskText(part, detectors)));
}

function maskArrayLiteral(bytes: Buffer, start: number, end: number, content: Content): Buffer | null {
  const { detectors } = content;
  const escaped = hasByte(bytes, backslash, start, end) || hasByte(bytes, quote, start, end);
  if (!escaped && findSpans(bytes, start, end, detectors) === null) return null;
  const mask = elementMask(content);
  return viaText(bytes, start, end, (text) => maskArrayText(text, mask));
}

function elementMask({ typeOid, detectors }: Content): StringMask {
  const kind = elementKind(typeOid);
  const maskString: StringMask = (text) => maskText(text, detectors);
  if (kind === 'json' || kind === 'jsonb') return (text) => (text === 'NULL' ? text : maskJsonText(text, maskString));
  return kind === 'xml' ? (text) => maskXmlText(text, maskString) : maskString;
}

function elementKind(arrayOid: number): ContentKind {
  return contentKind(arrayElements.get(arrayOid) ?? 0) ?? 'text';
}

/**
 * array_send: Int32(dimensions) Int32(has nulls) Int32(element type), per dimension Int32(size) Int32(lower bound),
 * per element Int32(length or -1) Byten.
 */
function maskBinaryArray(bytes: Buffer, start: number, end: number, content: Content): Buffer | null {
  const dimensions = readLength(bytes, start, end);
  if (dimensions > 6) throw new TypeError('more dimensions than PostgreSQL has');
  const elements = { ...content, kind: elementKind(content.typeOid) };
  const parts: Buffer[] = [];
  let copied = start;
  let index = start + 12 + dimensions * 8;
  if (index > end) throw new TypeError('truncated array');
  while (index < end) {
    const length = readLength(bytes, index, end);
    const from = index + 4;
    index = from + Math.max(length, 0);
    if (index > end) throw new TypeError('an element runs over the end of its array');
    if (length <= 0) continue;
    const masked = maskContent(bytes, from, index, elements);
    if (masked === null) continue;
    const size = Buffer.alloc(4);
    size.writeInt32BE(masked.length);
    parts.push(bytes.subarray(copied, from - 4), size, masked);
    copied = index;
  }
  if (parts.length === 0) return null;
  return Buffer.concat([...parts, bytes.subarray(copied, end)]);
}

function readLength(bytes: Buffer, index: number, end: number): number {
  if (index + 4 > end) throw new TypeError('truncated array');
  const value = bytes.readInt32BE(index);
  if (value < -1) throw new TypeError('negative length in array');
  return value;
}

function viaText(bytes: Buffer, start: number, end: number, mask: StringMask): Buffer | null {
  const text = bytes.toString('utf8', start, end);
  const masked = mask(text);
  return masked === text ? null : Buffer.from(masked);
}
