import { arrayElements } from './wire-types.js';

/** The text that stands for a value nothing of which may be seen. */
export const redacted = '***';

/** Binary forms are the output of the type's send function (PostgreSQL src/backend/utils/adt). */
interface Placeholder {
  readonly text: string;
  readonly binary: Buffer;
}

const zeros = (count: number): Buffer => Buffer.alloc(count);
const same = (text: string): Placeholder => ({ text, binary: Buffer.from(text) });
const of = (text: string, binary: Buffer): Placeholder => ({ text, binary });
const int32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeInt32BE(value, index * 4));
  return bytes;
};
const int64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};
const versioned = (text: string): Placeholder => ({ text, binary: Buffer.from(`\u0001${text}`) });
const float8s = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 8);
  values.forEach((value, index) => bytes.writeDoubleBE(value, index * 8));
  return bytes;
};

const emptyRange = of('empty', Buffer.from([1]));
const emptyMultirange = of('{}', int32(0));
const noObject = of('-', zeros(4));

const placeholders: ReadonlyMap<number, Placeholder> = new Map<number, Placeholder>([
  [16, of('f', zeros(1))], // bool
  [17, of('\\x', zeros(0))], // bytea
  [18, same('*')], // "char"
  [19, same(redacted)], // name
  [20, of('0', zeros(8))], // int8
  [21, of('0', zeros(2))], // int2
  [22, of('', int32(1, 0, 21, 0, 0))], // int2vector
  [23, of('0', zeros(4))], // int4
  [24, noObject], // regproc
  [25, same(redacted)], // text
  [26, of('0', zeros(4))], // oid
  [27, of('(0,0)', zeros(6))], // tid
  [28, of('0', zeros(4))], // xid
  [29, of('0', zeros(4))], // cid
  [30, of('', int32(1, 0, 26, 0, 0))], // oidvector
  [114, same(`"${redacted}"`)], // json
  [142, same('<masked/>')], // xml
  [600, of('(0,0)', zeros(16))], // point
  [601, of('[(0,0),(0,0)]', zeros(32))], // lseg
  [602, of('((0,0))', Buffer.concat([Buffer.from([1]), int32(1), zeros(16)]))], // path
  [603, of('(0,0),(0,0)', zeros(32))], // box
  [604, of('((0,0))', Buffer.concat([int32(1), zeros(16)]))], // polygon
  [628, of('{1,0,0}', float8s(1, 0, 0))], // line
  [650, of('0.0.0.0/32', Buffer.from([2, 32, 1, 4, 0, 0, 0, 0]))], // cidr
  [700, of('0', zeros(4))], // float4
  [701, of('0', zeros(8))], // float8
  [705, same(redacted)], // unknown
  [718, of('<(0,0),0>', zeros(24))], // circle
  [774, of('00:00:00:00:00:00:00:00', zeros(8))], // macaddr8
  [790, of('$0.00', zeros(8))], // money
  [829, of('00:00:00:00:00:00', zeros(6))], // macaddr
  [869, of('0.0.0.0', Buffer.from([2, 32, 0, 4, 0, 0, 0, 0]))], // inet
  [1042, same(redacted)], // bpchar
  [1043, same(redacted)], // varchar
  [1082, of('2000-01-01', zeros(4))], // date
  [1083, of('00:00:00', zeros(8))], // time
  [1114, of('2000-01-01 00:00:00', zeros(8))], // timestamp
  [1184, of('2000-01-01 00:00:00+00', zeros(8))], // timestamptz
  [1186, of('00:00:00', zeros(16))], // interval
  [1266, of('00:00:00+00', zeros(12))], // timetz
  [1560, of('', int32(0))], // bit
  [1562, of('', int32(0))], // varbit
  [1700, of('0', zeros(8))], // numeric
  [1790, same(redacted)], // refcursor
  [2202, noObject], // regprocedure
  [2203, of('0', zeros(4))], // regoper
  [2204, of('0', zeros(4))], // regoperator
  [2205, noObject], // regclass
  [2206, noObject], // regtype
  [2249, of('()', int32(0))], // record
  [2275, same(redacted)], // cstring
  [2278, same('')], // void
  [2950, of('00000000-0000-0000-0000-000000000000', zeros(16))], // uuid
  [2970, of('1:1:', Buffer.concat([int32(0), int64(1n), int64(1n)]))], // txid_snapshot
  [3220, of('0/0', zeros(8))], // pg_lsn
  [3614, of('', int32(0))], // tsvector
  [3615, of('', int32(0))], // tsquery
  [3734, noObject], // regconfig
  [3769, noObject], // regdictionary
  [3802, versioned(`"${redacted}"`)], // jsonb
  [3904, emptyRange], // int4range
  [3906, emptyRange], // numrange
  [3908, emptyRange], // tsrange
  [3910, emptyRange], // tstzrange
  [3912, emptyRange], // daterange
  [3926, emptyRange], // int8range
  [4072, versioned('$')], // jsonpath
  [4089, noObject], // regnamespace
  [4096, noObject], // regrole
  [4191, noObject], // regcollation
  [4451, emptyMultirange], // int4multirange
  [4532, emptyMultirange], // nummultirange
  [4533, emptyMultirange], // tsmultirange
  [4534, emptyMultirange], // tstzmultirange
  [4535, emptyMultirange], // datemultirange
  [4536, emptyMultirange], // int8multirange
  [5038, of('1:1:', Buffer.concat([int32(0), int64(1n), int64(1n)]))], // pg_snapshot
  [5069, of('0', zeros(8))], // xid8
]);

/**
 * A constant of this type that the client can still parse: 0, false, `"***"`, an empty array, and for dates 2000-01-01,
 * the zero of PostgreSQL's own calendar, which every driver and time zone can hold. Null means SQL NULL: enums, named
 * composites and extension types have OIDs of their own and cannot be faked. Domains arrive with their base type's OID
 * (PostgreSQL 55.7, RowDescription).
 */
export function placeholderFor(typeOid: number, format: 0 | 1): Buffer | null {
  const element = arrayElements.get(typeOid);
  // array_send: Int32(dimensions) Int32(has nulls) Int32(element type)
  if (element !== undefined) return format === 0 ? Buffer.from('{}') : int32(0, 0, element);
  const found = placeholders.get(typeOid);
  if (found === undefined) return null;
  return format === 0 ? Buffer.from(found.text) : found.binary;
}
