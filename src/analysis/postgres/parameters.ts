/** Which session parameters a client may set freely, and to what. Everything else is `setParameter`, for policy. */

const anyValue = new Set(
  `application_name statement_timeout lock_timeout idle_in_transaction_session_timeout idle_session_timeout
  transaction_timeout work_mem maintenance_work_mem temp_buffers hash_mem_multiplier logical_decoding_work_mem timezone
  extra_float_digits client_min_messages effective_cache_size random_page_cost seq_page_cost cpu_tuple_cost
  cpu_index_tuple_cost cpu_operator_cost parallel_setup_cost parallel_tuple_cost min_parallel_table_scan_size
  min_parallel_index_scan_size max_parallel_workers_per_gather max_parallel_maintenance_workers geqo geqo_threshold
  from_collapse_limit join_collapse_limit plan_cache_mode cursor_tuple_fraction constraint_exclusion
  default_statistics_target synchronize_seqscans row_security lc_monetary lc_numeric lc_time lc_messages
  tcp_keepalives_idle tcp_keepalives_interval tcp_keepalives_count tcp_user_timeout client_connection_check_interval
  default_transaction_isolation default_transaction_deferrable gin_fuzzy_search_limit quote_all_identifiers
  default_toast_compression commit_siblings commit_delay effective_io_concurrency maintenance_io_concurrency
  track_activities backend_flush_after io_combine_limit vacuum_buffer_usage_limit restrict_nonsystem_relation_kind
  jit jit_above_cost jit_inline_above_cost jit_optimize_above_cost jit_expressions jit_tuple_deforming`
    .trim()
    .split(/\s+/),
);

const prefixes = ['enable_', 'geqo_', 'vacuum_cost_', 'track_'];

/** Values under which the gateway reads rows and texts as it pinned them. */
const safeValues: Readonly<Record<string, RegExp>> = {
  client_encoding: /^utf-?8$|^unicode$/i,
  standard_conforming_strings: /^(on|true|yes|1)$/i,
  // Less than the pinned path: a name either means what it meant or nothing. "PG_CATALOG" and " pg_catalog" are anybody's.
  search_path: /^(pg_catalog)?$/,
  datestyle: /^iso\b(\s*,\s*(mdy|dmy|ymd|us|european|noneuro\w*))?$/i,
  intervalstyle: /^(postgres|iso_8601|sql_standard|postgres_verbose)$/i,
  bytea_output: /^(hex|escape)$/i,
  default_transaction_read_only: /^(on|true|yes|1)$/i,
  transaction_read_only: /^(on|true|yes|1)$/i,
  transaction_isolation: /^.*$/,
  transaction_deferrable: /^.*$/,
  xmloption: /^(content|document)$/i,
  password_encryption: /^scram-sha-256$/i,
};

/** Of those, what decides how a constant or a value is read: harmless, and yet another statement than without. */
const readings = new Set(
  'timezone row_security lc_monetary lc_numeric lc_time quote_all_identifiers gin_fuzzy_search_limit datestyle intervalstyle bytea_output xmloption'.split(
    ' ',
  ),
);

/** Says whether the same text may do something else with another value of this setting. */
export function changesReading(name: string): boolean {
  const lower = name.toLowerCase();
  if (readings.has(lower)) return true;
  return (
    !Object.hasOwn(safeValues, lower) && !anyValue.has(lower) && !prefixes.some((prefix) => lower.startsWith(prefix))
  );
}

/** Says whether setting `name` to `value` changes neither how the gateway reads SQL nor whose rights it runs with. */
export function isSafeSetting(name: string, value: string): boolean {
  const lower = name.toLowerCase();
  const pattern = Object.hasOwn(safeValues, lower) ? safeValues[lower] : undefined;
  if (pattern !== undefined) return pattern.test(value);
  return anyValue.has(lower) || prefixes.some((prefix) => lower.startsWith(prefix));
}

/** Parameters that are somebody's rights. */
export function isRoleParameter(name: string): boolean {
  return name.toLowerCase() === 'role' || name.toLowerCase() === 'session_authorization';
}
