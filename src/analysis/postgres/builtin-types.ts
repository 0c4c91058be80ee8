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

/** Names of more than one word, which the catalog gives types and SQL keeps for them. */
const longNames = /^(double precision|(character|bit) varying|time(stamp)? with(out)? time zone)$/;

/** Says whether this is a name, as SQL or format_type writes it, of a type or an array that somebody has made. */
export function isOwnName(type: string): boolean {
  if (type === '' || builtinTypes.has(type)) return false;
  const name = type.replaceAll(/\([^)]*\)|\[\]/g, '').trim();
  return !builtinTypes.has(name) && !longNames.test(name);
}

export function isBuiltinType(schema: string, name: string): boolean {
  return (schema === '' || schema === 'pg_catalog') && builtinTypes.has(name);
}
