import { isUtf8 } from 'node:buffer';

/** Type OIDs (pg_type.dat) whose binary form is decoded; others show as \x hex. */
const oid = {
  bool: 16,
  bytea: 17,
  char: 18,
  name: 19,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  oid: 26,
  json: 114,
  xml: 142,
  float4: 700,
  float8: 701,
  unknown: 705,
  bpchar: 1042,
  varchar: 1043,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802,
} as const;

const rightAligned: ReadonlySet<number> = new Set([
  oid.int2,
  oid.int4,
  oid.int8,
  oid.oid,
  oid.float4,
  oid.float8,
  oid.numeric,
]);

/** Numbers stand to the right, as in psql. */
export function isNumberType(typeOid: number): boolean {
  return rightAligned.has(typeOid);
}

/** A wire value as text. A binary value that does not fit its type shows as hex: playback never fails on a value. */
export function decodeValue(value: Buffer, typeOid: number, format: 0 | 1): string {
  if (format === 0) return isUtf8(value) ? value.toString('utf8') : hex(value);
  return decodeBinary(value, typeOid) ?? hex(value);
}

function decodeBinary(value: Buffer, typeOid: number): string | null {
  switch (typeOid) {
    case oid.bool:
      return value.length === 1 ? (value[0] === 0 ? 'f' : 't') : null;
    case oid.int2:
      return value.length === 2 ? String(value.readInt16BE()) : null;
    case oid.int4:
      return value.length === 4 ? String(value.readInt32BE()) : null;
    case oid.oid:
      return value.length === 4 ? String(value.readUInt32BE()) : null;
    case oid.int8:
      return value.length === 8 ? String(value.readBigInt64BE()) : null;
    case oid.float4:
      return value.length === 4 ? String(Number(value.readFloatBE().toPrecision(7))) : null;
    case oid.float8:
      return value.length === 8 ? String(value.readDoubleBE()) : null;
    case oid.text:
    case oid.varchar:
    case oid.bpchar:
    case oid.name:
    case oid.char:
    case oid.json:
    case oid.xml:
    case oid.unknown:
      return textOf(value);
    case oid.jsonb:
      return value[0] === 1 ? textOf(value.subarray(1)) : null; // Int8(version 1), then text
    case oid.uuid:
      return value.length === 16 ? value.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-') : null;
    case oid.date:
      return value.length === 4 ? dateOf(value.readInt32BE()) : null;
    case oid.time:
      return value.length === 8 ? timeOf(value.readBigInt64BE()) : null;
    case oid.timestamp:
      return value.length === 8 ? timestampOf(value.readBigInt64BE(), '') : null;
    case oid.timestamptz:
      return value.length === 8 ? timestampOf(value.readBigInt64BE(), '+00') : null;
    case oid.numeric:
      return numericOf(value);
    default:
      return null;
  }
}

function hex(value: Buffer): string {
  return `\\x${value.toString('hex')}`;
}

function textOf(value: Buffer): string | null {
  return isUtf8(value) ? value.toString('utf8') : null;
}

const epoch2000Ms = Date.UTC(2000, 0, 1);
const dayMs = 86_400_000;

/** Int32: days since 2000-01-01; the extremes are the infinities. */
function dateOf(days: number): string | null {
  if (days === 0x7fffffff) return 'infinity';
  if (days === -0x80000000) return '-infinity';
  return isoOf(epoch2000Ms + days * dayMs)?.slice(0, -14) ?? null;
}

/** Int64: microseconds since midnight. */
function timeOf(microseconds: bigint): string | null {
  if (microseconds < 0n || microseconds > 86_400_000_000n) return null;
  const seconds = Number(microseconds / 1_000_000n);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':') + fraction(microseconds % 1_000_000n);
}

/** Int64: microseconds since 2000-01-01; the extremes are the infinities. */
function timestampOf(microseconds: bigint, zone: string): string | null {
  if (microseconds === 0x7fff_ffff_ffff_ffffn) return 'infinity';
  if (microseconds === -0x8000_0000_0000_0000n) return '-infinity';
  const rest = ((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const iso = isoOf(epoch2000Ms + Number((microseconds - rest) / 1000n));
  return iso === null ? null : iso.slice(0, -5).replace('T', ' ') + fraction(rest) + zone;
}

/** `YYYY-MM-DDTHH:MM:SS.sssZ`, or null outside of what a Date can hold or before year 1. */
function isoOf(ms: number): string | null {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() < 1) return null;
  return date.toISOString().replace(/^\+0*/, '');
}

function fraction(microseconds: bigint): string {
  return microseconds === 0n ? '' : `.${String(microseconds).padStart(6, '0').replace(/0+$/, '')}`;
}

/** Int16(digits) Int16(weight) UInt16(sign) UInt16(scale) then base-10000 digits (numeric_send). */
function numericOf(value: Buffer): string | null {
  if (value.length < 8) return null;
  const count = value.readUInt16BE(0);
  const weight = value.readInt16BE(2);
  const sign = value.readUInt16BE(4);
  const scale = value.readUInt16BE(6);
  if (sign === 0xc000) return 'NaN';
  if (sign === 0xd000) return 'Infinity';
  if (sign === 0xf000) return '-Infinity';
  if (value.length !== 8 + 2 * count || (sign !== 0 && sign !== 0x4000)) return null;
  const group = (index: number): string =>
    index < 0 || index >= count ? '0000' : String(value.readUInt16BE(8 + 2 * index)).padStart(4, '0');
  let whole = '';
  for (let index = 0; index <= weight; index++) whole += group(index);
  let decimals = '';
  for (let index = weight + 1; decimals.length < scale; index++) decimals += group(index);
  const digits = (whole.replace(/^0+/, '') || '0') + (scale > 0 ? `.${decimals.slice(0, scale)}` : '');
  return sign === 0x4000 ? `-${digits}` : digits;
}
