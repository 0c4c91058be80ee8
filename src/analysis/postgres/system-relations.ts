/**
 * System catalogs whose rows may show data that is protected elsewhere, or secrets of the server itself
 * (test/promises/README.md, D, "Catalog"). Their values are unknown, so they come masked. `*` is every column.
 */
const leakingColumns: Readonly<Record<string, readonly string[]>> = {
  pg_statistic: ['*'],
  pg_statistic_ext_data: ['*'],
  pg_stats: ['*'],
  pg_stats_ext: ['*'],
  pg_stats_ext_exprs: ['*'],
  pg_stat_activity: ['query', 'application_name'],
  pg_stat_statements: ['query'],
  pg_prepared_statements: ['statement'],
  pg_cursors: ['statement'],
  // The text of a statement that is kept, whoever has made it.
  pg_backend_memory_contexts: ['ident'],
  pg_largeobject: ['*'],
  // What ADD COLUMN … DEFAULT has computed for the rows that were there.
  pg_attribute: ['attmissingval'],
  pg_db_role_setting: ['setconfig'],
  pg_roles: ['rolconfig'],
  pg_authid: ['rolpassword'],
  pg_shadow: ['passwd', 'useconfig'],
  pg_user: ['useconfig'],
  pg_user_mapping: ['umoptions'],
  pg_user_mappings: ['umoptions'],
  user_mapping_options: ['option_value'],
  _pg_user_mappings: ['umoptions'],
  pg_subscription: ['subconninfo'],
  pg_hba_file_rules: ['*'],
  pg_ident_file_mappings: ['*'],
  pg_file_settings: ['setting', 'error'],
  pg_stat_replication: ['application_name'],
  pg_stat_wal_receiver: ['conninfo'],
  pg_prepared_xacts: ['gid'],
};

/** Relations that describe the values of other columns: reading one is inference on all of them. */
const statistics = new Set(['pg_statistic', 'pg_statistic_ext_data', 'pg_stats', 'pg_stats_ext', 'pg_stats_ext_exprs']);

/** Names that leak wherever the extension was installed. */
const anySchema = new Set(['pg_stat_statements']);

/** Says whether a column of a system relation may show protected data. */
export function isLeakingColumn(schema: string, relation: string, column: string): boolean {
  if (schema !== 'pg_catalog' && schema !== 'information_schema' && !anySchema.has(relation)) return false;
  const columns = leakingColumns[relation];
  return columns !== undefined && (columns.includes('*') || columns.includes(column));
}

/** Says whether a relation holds statistics about the values of others. */
export function isStatistics(schema: string, relation: string): boolean {
  return schema === 'pg_catalog' && statistics.has(relation);
}
