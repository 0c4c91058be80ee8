import type { ErrorFields } from './errors.js';

/** Where the server's parser reports unknown names and wrong grammar (source routine, field R), with a position (P). */
const parserRoutines = new Set([
  'scanner_yyerror',
  'errorMissingColumn',
  'errorMissingRTE',
  'parserOpenTable',
  'ParseFuncOrColumn',
  'op_error',
  'unknown_attribute',
  'transformColumnRef',
  'colNameToVar',
  'typenameType',
  'RangeVarGetRelidExtended',
  'check_ungrouped_columns_walker',
  'checkInsertTargets',
  'LookupOperName',
  'select_common_type',
  'coerce_to_target_type',
]);
/** Where the server reports what a session may not do; these name nothing, or an object that exists. */
const controlRoutines = new Set([
  'aclcheck_error',
  'PreventInTransactionBlock',
  'ProcessInterrupts',
  'standard_ExecutorStart_ReadOnly',
  'PreventCommandIfReadOnly',
  // A failed transaction refuses what comes (25P02).
  'exec_simple_query',
  'exec_parse_message',
  'exec_bind_message',
  'exec_execute_message',
]);
const codes = /^(42\w{3}|57014|57P01|25\w{3}|0A000)$/;

/**
 * Says whether an error can only speak of the statement's own words: it comes from the parser or from the server's control
 * of the session, at top level. A look-up of a name while the statement runs (`value::regclass`) raises the same errors,
 * but points at no place in the text. One with a context ran inside a function, whose dynamic SQL could carry a value in a name;
 * routine names cannot be forged from SQL (RAISE reports its own).
 */
export function tellsOnlyOfTheText(fields: ErrorFields): boolean {
  if (fields.has('W') || fields.has('q') || fields.has('p')) return false;
  if (!codes.test(fields.get('C') ?? '')) return false;
  const routine = fields.get('R') ?? '';
  return controlRoutines.has(routine) || (fields.has('P') && parserRoutines.has(routine));
}
