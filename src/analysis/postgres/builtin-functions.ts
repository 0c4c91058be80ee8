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
  pg_get_backend_memory_contexts
`);

/** Functions whose argument is an SQL text or a relation: everything may be read through them. */
export const runsSql = words(`
  query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema table_to_xml
  table_to_xml_and_xmlschema schema_to_xml schema_to_xml_and_xmlschema database_to_xml
  database_to_xml_and_xmlschema ts_stat ts_rewrite
`);

/** The type of a built-in function's result, where the analysis needs it. */
export function resultType(name: string, first: string): string {
  if (textual.has(name)) return 'text';
  if (numeric.has(name)) return 'numeric';
  if (name === 'array_agg' && first !== '') return first.endsWith('[]') ? first : `${first}[]`;
  if (name === 'array_remove' || name === 'array_append' || name === 'array_replace') return first;
  if (name === 'to_tsvector') return 'tsvector';
  if (/to_?tsquery$/.test(name)) return 'tsquery';
  if (name === 'string_to_array' || name === 'regexp_split_to_array') return 'text[]';
  // sum and avg of integers are of a wider type.
  if (name === 'sum' || name === 'avg') return /^(small|big)?int/.test(first) ? 'numeric' : first;
  if (name.startsWith('hashtext')) return 'integer';
  return sameAsFirst.has(name) ? first : '';
}

const textual = words(`
  lower upper initcap concat concat_ws reverse btrim ltrim rtrim md5 quote_literal quote_ident quote_nullable replace
  translate string_agg array_to_string substr substring left right split_part lpad rpad regexp_replace to_char encode
  format overlay
`);
const numeric = words(`
  length char_length character_length octet_length bit_length count row_number rank dense_rank strpos position
`);
const sameAsFirst = words(`
  min max abs ceil ceiling floor round trunc lag lead first_value last_value nth_value any_value mode
`);
