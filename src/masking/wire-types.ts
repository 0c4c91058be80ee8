/** Type OIDs of PostgreSQL's pg_type.dat whose content masking can look into. Built-in OIDs never change. */
export const oid = {
  bytea: 17,
  name: 19,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  oid: 26,
  json: 114,
  xml: 142,
  unknown: 705,
  bpchar: 1042,
  varchar: 1043,
  numeric: 1700,
  refcursor: 1790,
  cstring: 2275,
  uuid: 2950,
  jsonb: 3802,
} as const;

/** How the bytes of a column are read when detectors look into it; null: they do not. */
export type ContentKind = 'text' | 'json' | 'jsonb' | 'xml' | 'array' | 'opaque';

/** Element type by array type, for every built-in array (pg_type.typarray, PostgreSQL 13 to 18). */
export const arrayElements: ReadonlyMap<number, number> = new Map([
  [1000, 16], [1001, 17], [1002, 18], [1003, 19], [1016, 20], [1005, 21], [1006, 22], [1007, 23], [1008, 24],
  [1009, 25], [1028, 26], [1010, 27], [1011, 28], [1012, 29], [1013, 30], [199, 114], [143, 142], [1017, 600],
  [1018, 601], [1019, 602], [1020, 603], [1027, 604], [629, 628], [651, 650], [1021, 700], [1022, 701], [719, 718],
  [775, 774], [791, 790], [1040, 829], [1041, 869], [1034, 1033], [1014, 1042], [1015, 1043], [1182, 1082],
  [1183, 1083], [1115, 1114], [1185, 1184], [1187, 1186], [1270, 1266], [1561, 1560], [1563, 1562], [1231, 1700],
  [2201, 1790], [2207, 2202], [2208, 2203], [2209, 2204], [2210, 2205], [2211, 2206], [2287, 2249], [1263, 2275],
  [2951, 2950], [2949, 2970], [3221, 3220], [3643, 3614], [3645, 3615], [3644, 3642], [3735, 3734], [3770, 3769],
  [3807, 3802], [3905, 3904], [3907, 3906], [3909, 3908], [3911, 3910], [3913, 3912], [3927, 3926], [4073, 4072],
  [4090, 4089], [4097, 4096], [4192, 4191], [5039, 5038], [6150, 4451], [6151, 4532], [6152, 4533], [6153, 4534],
  [6155, 4535], [6157, 4536], [271, 5069], [210, 71], [270, 75], [272, 81], [273, 83],
]); // prettier-ignore

/** Types whose value on the wire is the text itself, in both formats. */
const textTypes: ReadonlySet<number> = new Set([
  oid.text,
  oid.varchar,
  oid.bpchar,
  oid.name,
  oid.unknown,
  oid.cstring,
  oid.refcursor,
]);
const textArrays: ReadonlySet<number> = new Set([1009, 1014, 1015, 1263, 199, 3807, 143]);

/** Says whether a value of this type is its own text in both wire formats. */
export function isTextType(typeOid: number): boolean {
  return textTypes.has(typeOid);
}

/** What detectors find in a column of this type; identifiers (`name`) and numbers are left alone. */
export function contentKind(typeOid: number): ContentKind | null {
  if (typeOid === 0) return 'opaque'; // a COPY's column whose type nobody knows
  if (typeOid === oid.json) return 'json';
  if (typeOid === oid.jsonb) return 'jsonb';
  if (typeOid === oid.xml) return 'xml';
  if (textArrays.has(typeOid)) return 'array';
  return textTypes.has(typeOid) && typeOid !== oid.name ? 'text' : null;
}
