/**
 * The server's own types, as SQL names them. All others (domains, enumerations, composites of users) may be made so that a
 * conversion to them fails for chosen values.
 */
const names = `bool boolean bit varbit "char" bytea text varchar character bpchar char name unknown cstring
  smallint int2 integer int int4 bigint int8 real float4 numeric decimal float8 money oid oidvector int2vector xid xid8 cid tid
  date time timetz timestamp timestamptz interval uuid json jsonb jsonpath xml tsvector tsquery gtsvector
  inet cidr macaddr macaddr8 point line lseg box path polygon circle pg_lsn pg_snapshot txid_snapshot refcursor
  int4range int8range numrange tsrange tstzrange daterange
  int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange
  regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure regrole regtype
  aclitem record`;
const builtinTypes: ReadonlySet<string> = new Set(names.replaceAll('"', '').split(/\s+/));

export function isBuiltinType(schema: string, name: string): boolean {
  return (schema === '' || schema === 'pg_catalog') && builtinTypes.has(name);
}
