/**
 * What is known of PostgreSQL's own functions. Immutable and stable ones are harmless unless listed here, volatile
 * ones are an effect unless listed here: a function that a later version adds is judged by its volatility.
 */

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Make a value of a type that is named by a value: converting to somebody's own type may call functions. */
export const makesAnyType = words(
  'array_in domain_in record_in range_in multirange_in pg_input_is_valid pg_input_error_info',
);

/** Volatile, yet they only look at the server or draw a number. */
export const harmlessVolatile = words(`
  random random_normal array_sample array_shuffle clock_timestamp timeofday gen_random_uuid uuidv4 uuidv7 nextval currval lastval setseed
  pg_is_in_recovery pg_relation_size pg_total_relation_size pg_table_size pg_indexes_size pg_database_size
  pg_tablespace_size pg_sequence_last_value pg_get_sequence_data pg_jit_available pg_collation_actual_version
  pg_database_collation_actual_version pg_partition_tree pg_partition_ancestors pg_lock_status pg_blocking_pids
  pg_safe_snapshot_blocking_pids pg_isolation_test_session_is_blocked pg_current_wal_lsn pg_current_wal_insert_lsn
  pg_current_wal_flush_lsn pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp
  pg_xact_commit_timestamp pg_xact_commit_timestamp_origin pg_last_committed_xact pg_xact_status txid_status
  pg_notification_queue_usage pg_prepared_xact pg_stat_have_stats pg_is_wal_replay_paused
  pg_get_wal_replay_pause_state pg_export_snapshot pg_extension_config_dump amvalidate
  pg_stat_get_xact_numscans pg_stat_get_xact_tuples_returned pg_stat_get_xact_tuples_fetched
  pg_stat_get_xact_tuples_inserted pg_stat_get_xact_tuples_updated pg_stat_get_xact_tuples_deleted
  pg_stat_get_xact_tuples_hot_updated pg_stat_get_xact_tuples_newpage_updated pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit
  pg_stat_get_xact_function_calls pg_stat_get_xact_function_total_time pg_stat_get_xact_function_self_time
  bernoulli system
`);

/** Not volatile, yet they run text as SQL, read the server's insides or show what others do. */
export const dangerous = words(`
  query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema
  table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema
  schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema database_to_xml_and_xmlschema
  ts_stat ts_rewrite pg_stat_get_activity pg_stat_get_backend_activity pg_prepared_statement pg_cursor
  pg_tablespace_databases pg_listening_channels
`);

/** Their result may hold any protected value: they run SQL from a string or return what others wrote. */
export const unknownResult = words(`
  query_to_xml query_to_xml_and_xmlschema cursor_to_xml table_to_xml table_to_xml_and_xmlschema
  schema_to_xml schema_to_xml_and_xmlschema database_to_xml database_to_xml_and_xmlschema ts_stat ts_rewrite
  pg_stat_get_activity pg_stat_get_backend_activity pg_prepared_statement pg_cursor pg_mcv_list_items
  pg_read_file pg_read_file_old pg_read_binary_file lo_get loread current_query pg_show_all_file_settings
  pg_hba_file_rules pg_ident_file_mappings pg_logical_slot_get_changes pg_logical_slot_peek_changes
  pg_logical_slot_get_binary_changes pg_logical_slot_peek_binary_changes pg_stat_get_wal_receiver

`);

/** Functions whose argument is an SQL text or a relation: everything may be read through them. */
export const runsSql = words(`
  query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema table_to_xml
  table_to_xml_and_xmlschema schema_to_xml schema_to_xml_and_xmlschema database_to_xml
  database_to_xml_and_xmlschema ts_stat ts_rewrite
`);

/*
 * Total functions: for every argument they give a value, in a time that shows little. Only these may take a protected
 * argument in an output without being inference: where a function can fail, a query that fails or not is an oracle
 * that reads the value bit by bit (test/promises/README.md, D).
 */

/** Total in every argument. */
const totalInAll = words(`
  lower upper initcap length char_length character_length octet_length bit_length concat concat_ws reverse btrim ltrim
  rtrim trim md5 sha224 sha256 sha384 sha512 crc32 crc32c quote_literal quote_ident quote_nullable ascii replace
  translate strpos position starts_with num_nulls num_nonnulls row_to_json to_json to_jsonb json_build_array
  jsonb_build_array string_agg json_agg jsonb_agg json_agg_strict jsonb_agg_strict xmlagg min max count sum avg bool_and
  bool_or every any_value bit_and bit_or bit_xor abs ceil ceiling floor sign array_to_string array_length array_upper
  array_lower array_ndims array_dims cardinality array_append array_prepend array_position array_positions array_remove
  array_replace array_to_json jsonb_strip_nulls json_strip_nulls jsonb_pretty json_typeof jsonb_typeof lag lead
  first_value last_value row_number rank dense_rank percent_rank cume_dist percentile_cont percentile_disc mode stddev
  stddev_samp stddev_pop variance var_samp var_pop hashtext hashtextextended pg_typeof pg_column_size isfinite age
  strip texteq textne bpchar varchar text name char nullif casefold xmltext to_bin to_oct array_reverse array_sort
  array_shuffle unicode_assigned uuid_extract_version uuid_extract_timestamp
`);

/** Total in the first argument while the others are not protected. */
const totalInFirst = words(`
  substr substring left right split_part overlay lpad rpad regexp_replace regexp_match regexp_count regexp_instr
  regexp_like regexp_substr to_char encode convert_to round trunc json_extract_path json_extract_path_text
  jsonb_extract_path jsonb_extract_path_text json_object_field json_object_field_text jsonb_exists ntile nth_value
`);

/** Total in the others while the first is not protected: `extract(year FROM dob)` is extract('year', dob). */
const totalInRest = words('date_part extract date_trunc to_tsvector timezone');

/** Total only for a value as it is stored: arrays of different shapes cannot be put together. */
const totalWhenPlain = words('array_agg array_cat');

/** Which arguments of a built-in function may be protected without its failure telling something about them. */
export function mayTake(name: string, position: number, isPlain: boolean): boolean {
  if (totalInAll.has(name)) return true;
  if (totalInFirst.has(name)) return position === 0;
  if (totalInRest.has(name)) return position > 0;
  if (totalWhenPlain.has(name)) return isPlain;
  // A null key is an error, so keys must not depend on protected values; the values may.
  if (name === 'json_build_object' || name === 'jsonb_build_object') return position % 2 === 1;
  return name === 'format' && position > 0;
}

/** Says whether a call of this function can fail or act for some argument. */
export function isTotal(name: string): boolean {
  return totalInAll.has(name) || ['date_part', 'extract', 'to_char', 'format', 'array_agg'].includes(name);
}

/** The type of a built-in function's result, where the analysis needs it. */
export function resultType(name: string, first: string): string {
  if (textual.has(name)) return 'text';
  if (numeric.has(name)) return 'numeric';
  if (name === 'array_agg' && first !== '') return first.endsWith('[]') ? first : `${first}[]`;
  if (name === 'array_remove' || name === 'array_append' || name === 'array_replace') return first;
  if (name === 'string_to_array' || name === 'regexp_split_to_array') return 'text[]';
  return name === 'min' || name === 'max' || name === 'sum' || name === 'avg' ? first : '';
}

const textual = words(`
  lower upper initcap concat concat_ws reverse btrim ltrim rtrim md5 quote_literal quote_ident quote_nullable replace
  translate string_agg array_to_string substr substring left right split_part lpad rpad regexp_replace to_char encode
  format
`);
const numeric = words(
  'length char_length character_length octet_length bit_length count row_number rank dense_rank abs ceil floor round',
);
